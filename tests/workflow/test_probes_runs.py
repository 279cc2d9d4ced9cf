"""Probes of uncertainty and robustness, end to end on synthetic sounds and one fold."""

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge

HELD_OUT = "rain"
VARIANT = {"stage": "transfer", "strategy": "drop", "phases": ["fixed"]}
PROBED = merge(
    SYNTHETIC,
    {
        "papers": ["uncertainty"],
        "transfer": {"strategies": ["drop"], "folds": [1]},
        "scratch": {"strategies": []},
        "variants": {
            "half": VARIANT | {"transfer": {"train_fraction": 0.5}},
            "without_rain": VARIANT
            | {"transfer": {"held_out_classes": {"synthetic_scenes": [HELD_OUT]}}},
        },
        "seeds": [1],
        "uncertainty": {
            "robustness": {
                "conditions": {"white": [20, 0], "recorded": [0], "mp3": [40]},
                "phases": ["fixed"],
            }
        },
    },
)
MADE = [
    "results/micro/tables/uncertainty_robustness.csv",
    *(f"results/micro/tables/uncertainty_{name}.md" for name in ("probes", "claims")),
    "results/micro/figures/uncertainty_probes_synthetic_scenes.png",
    "results/micro/figures/uncertainty_robustness_synthetic_scenes.png",
]
OWN = "synthetic_scenes/drop/fold1/fixed"
VARIANTS = "synthetic_scenes/variants"


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("probes"))
    config = write_config("probes", PROBED)
    workflow(config, "--cores", "2", "--", *MADE)
    return workflow, config, workflow.directory / "results/micro"


def read(path, name):
    with h5py.File(path) as file:
        found = file[name]
        return found.asstr()[()] if found.dtype.kind == "O" else found[()].astype(np.float64)


def rows_of(results, kind):
    rows = pd.read_parquet(results / f"metrics/synthetic_scenes.{kind}.parquet")
    return rows.set_index(["setting", "phase", "network", "fold", "measure"])["value"]


def test_robustness_can_be_recomputed_from_the_predictions(made):
    results = made[2]
    found = rows_of(results, "robustness")
    truth = read(results / f"predictions/{OWN}.h5", "labels").argmax(axis=-1)
    for setting, path in (
        ("clean", f"predictions/{OWN}.h5"),
        ("white_0", f"degraded/{OWN}__white_0.h5"),
        ("mp3_40", f"degraded/{OWN}__mp3_40.h5"),
    ):
        # Of the clean clips as many replications as of the others.
        right = read(results / path, "mean_probability")[:1].argmax(axis=-1) == truth
        assert found[setting, "fixed", "", "1", "accuracy"] == pytest.approx(right.mean())
        pair = [read(results / path, name)[0] for name in ("aleatoric", "epistemic")]
        for name, values in zip(("aleatoric", "epistemic"), pair, strict=True):
            mean = found[setting, "fixed", "", "1", f"mean_{name}"]
            assert mean == pytest.approx(values.mean())
        rank = spearmanr(*pair).statistic
        assert found[setting, "fixed", "", "1", "rank_correlation"] == pytest.approx(rank)


def test_all_strategies_share_the_degraded_clips_and_these_differ_from_the_clean_ones(made):
    results = made[2]
    clean = results / "features/synthetic_scenes.h5"
    tested = read(clean, "fold") == 1
    for name in ("white_20", "white_0", "recorded_0", "mp3_40"):
        path = results / f"features/degraded/synthetic_scenes__{name}.h5"
        assert read(path, "clip_id").tolist() == read(clean, "clip_id")[tested].tolist()
        gaps = np.abs(read(path, "logmel") - read(clean, "logmel")[tested])
        assert (gaps.mean(axis=(1, 2)) > 0.05).all()
    near, far = (
        np.abs(
            read(results / f"features/degraded/synthetic_scenes__white_{ratio}.h5", "logmel")
            - read(clean, "logmel")[tested]
        ).mean()
        for ratio in (20, 0)
    )
    assert near < far


def test_fewer_recordings_are_learnt_and_all_clips_tested(made):
    results = made[2]
    (learnt,) = [
        path
        for path in (results / "features").glob("selection_*/synthetic_scenes.learnt.h5")
        if not path.with_name("synthetic_scenes.unknown.h5").exists()
    ]
    labels, folds = read(learnt, "labels"), read(learnt, "fold")
    # Of two clips a class and fold, one of each fold.
    assert [labels[folds == fold].sum(axis=0).tolist() for fold in (1, 2)] == [[1] * 4] * 2
    tested = results / f"predictions/{VARIANTS}/half/seed1/fold1/fixed.h5"
    own = results / f"predictions/{OWN}.h5"
    assert read(tested, "clip_id").tolist() == read(own, "clip_id").tolist()
    found = rows_of(results, "probes")
    right = read(tested, "mean_probability").argmax(-1) == read(tested, "labels").argmax(-1)
    assert found["0.5", "fixed", "half/1", "1", "accuracy"] == pytest.approx(right.mean())
    assert ("1", "fixed", "", "all", "mean_epistemic") in found.index


def test_a_held_out_class_is_unknown_to_its_networks(made):
    results = made[2]
    stem = f"{VARIANTS}/without_rain/seed1/fold1/fixed"
    known, unknown = (results / f"{kind}/{stem}.h5" for kind in ("predictions", "unknown"))
    assert read(known, "mean_probability").shape[-1] == 3
    with h5py.File(unknown) as file:
        assert HELD_OUT not in file.attrs["classes"]
        assert file["labels"].shape[1] == 0
    assert len(read(unknown, "clip_id")) == 4
    assert not set(read(unknown, "clip_id")) & set(read(known, "clip_id"))
    rows = rows_of(results, "probes")
    values = [read(path, "epistemic") for path in (known, unknown)]
    for setting, value in zip(("known", "unknown"), values, strict=True):
        mean = rows[setting, "fixed", "without_rain/1", "1", "mean_epistemic"]
        assert mean == pytest.approx(value.mean())
    gaps = values[1][:, :, None] - values[0][:, None, :]
    area = ((gaps > 0) + 0.5 * (gaps == 0)).mean()
    found = rows["unknown", "fixed", "without_rain/1", "1", "auroc_epistemic"]
    assert found == pytest.approx(area)


def test_the_claims_are_judged(made):
    claims = pd.read_csv(made[2] / "tables/uncertainty_claims.csv").set_index("claim")
    judged = claims["verdict"] != "cannot be judged"
    assert judged[["data_lowers_epistemic", "noise_raises_aleatoric", "parts_go_together"]].all()
    assert judged[["unknown_classes_raise_epistemic", "channel_raises_epistemic"]].all()


def test_another_fraction_retrains_its_networks_only(made, write_config):
    workflow, _, _ = made
    change = {"variants": {"half": {"transfer": {"train_fraction": 0.75}}}}
    edited = write_config("edited", merge(PROBED, change))
    output = workflow(edited, "-n", "--quiet", "rules", "--", MADE[1]).stdout
    lines = [line.split() for line in output.splitlines()]
    found = {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit() and w[0] != "total"}
    assert found == {
        "select_clips": 1,
        "select_features": 1,
        "transfer_variant": 1,
        "predict_fold_variant": 1,
        "probes": 1,
        "table": 1,
    }

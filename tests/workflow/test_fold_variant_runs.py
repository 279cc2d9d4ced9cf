"""Variants that are trained on folds, end to end: one from scratch with a front end of its own, one
transferred from an upstream variant, and an ensemble of both."""

import copy
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge
from vipann.models.checkpoints import load_checkpoint

ANEW = {"waveform_augmentation": {"shift_seconds": 0.1, "gain_db": 6.0}}
VARIANTS = merge(
    SYNTHETIC,
    {
        "papers": ["event_detection"],
        "transfer": {"strategies": [], "folds": [2]},
        "scratch": {"strategies": []},
        "variants": {
            "plain": {},
            "narrow": {
                "stage": "scratch",
                "strategy": "drop",
                "features": {"logmel": {"mel_bands": 32}},
                "scratch": {"learning_rate": 0.01},
            },
            "moved": {
                "stage": "transfer",
                "strategy": "det_flip",
                "start": "plain",
                "transfer": {"finetuned": {"mixup_alpha": 0.3, "mixup_partner": "uniform"} | ANEW},
            },
        },
        "seeds": [1],
        "ensembles": {"both": {"members": ["narrow/1", "moved/1"]}},
    },
)
TABLE = "results/micro/tables/event_detection_networks.csv"
METRICS = "results/micro/metrics/synthetic_scenes.variants_on_folds.parquet"
NARROW, MOVED = (f"synthetic_scenes/variants/{name}/seed1/fold2" for name in ("narrow", "moved"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("fold_variants"))
    config = write_config("fold_variants", VARIANTS)
    workflow(config, "--cores", "2", "--", TABLE)
    return workflow, config, workflow.directory / "results/micro"


@pytest.fixture(scope="module")
def table(made):
    return pd.read_parquet(made[2] / "metrics/synthetic_scenes.variants_on_folds.parquet")


def read(path, name):
    with h5py.File(path) as file:
        return file[name][()].astype(np.float64)


def planned(workflow, config):
    output = workflow(config, "-n", "--quiet", "rules", "--", METRICS).stdout
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit() and w[0] != "total"}


def test_every_network_and_the_ensemble_is_scored(table):
    scored = table[table["metric"] == "accuracy"]
    found = scored[["kind", "name", "strategy", "phase"]].drop_duplicates()
    assert sorted(found.itertuples(index=False, name=None)) == [
        ("ensemble", "both", "ensemble", "scratch"),
        ("network", "moved/1", "det_flip", "finetuned"),
        ("network", "moved/1", "det_flip", "fixed"),
        ("network", "narrow/1", "drop", "scratch"),
    ]
    assert set(scored["fold"]) == {2}
    assert table.loc[table["kind"] == "ensemble", "seed"].isna().all()


def test_scores_can_be_recomputed_from_the_predictions(made, table):
    results = made[2]
    own, other = (results / kind / f"{NARROW}/scratch.h5" for kind in ("predictions", "ood"))
    guesses, truth = read(own, "mean_probability").argmax(-1), read(own, "labels").argmax(-1)
    rows = table[(table["name"] == "narrow/1")].set_index(["metric", "scored_dataset"])["value"]
    found = rows[("accuracy", "synthetic_scenes")].to_numpy()
    np.testing.assert_allclose(found, (guesses == truth).mean(axis=1))
    gaps = read(other, "epistemic")[:, :, None] - read(own, "epistemic")[:, None, :]
    areas = ((gaps > 0) + 0.5 * (gaps == 0)).mean(axis=(1, 2))
    found = rows[("auroc_epistemic", "synthetic_ships")].to_numpy()
    np.testing.assert_allclose(found, areas, atol=1e-7)


def test_the_ensemble_is_the_mean_of_last_phases(made):
    results = made[2]
    for kind in ("predictions", "ood"):
        members = [
            read(results / kind / path, "mean_probability").mean(axis=0)
            for path in (f"{NARROW}/scratch.h5", f"{MOVED}/finetuned.h5")
        ]
        found = results / kind / "synthetic_scenes/ensembles/both/fold2.h5"
        np.testing.assert_allclose(
            read(found, "mean_probability")[0], np.mean(members, axis=0), atol=1e-6
        )


def test_a_variants_front_end_has_a_file_of_its_own(made):
    results = made[2]
    (folder,) = (results / "features").glob("logmel_*")
    with h5py.File(folder / "synthetic_scenes.h5") as file:
        assert file["logmel"].shape[2] == 32
    with h5py.File(results / "features/synthetic_scenes.h5") as file:
        assert file["logmel"].shape[2] == 64
    assert (folder / "synthetic_ships_5s.h5").exists()
    facts = json.loads((results / "checkpoints" / f"{NARROW}/scratch.json").read_text())
    assert facts["features"]["mel_bands"] == facts["settings"]["bands"] == 32


def test_what_a_training_cost_is_among_its_scores(made, table):
    results = made[2]
    own = table[(table["name"] == "moved/1") & (table["phase"] == "finetuned")]
    costs = own.set_index("metric")["value"]
    sidecar = json.loads((results / "checkpoints" / f"{MOVED}/finetuned.json").read_text())
    assert costs["training_seconds"] == sidecar["training_seconds"] > 0
    with h5py.File(results / "predictions" / f"{MOVED}/finetuned.h5") as file:
        assert file.attrs["strategy"] == "det_flip"
    model, _ = load_checkpoint(results / "checkpoints" / f"{MOVED}/finetuned.safetensors")
    buffers = ("running_mean", "running_var", "num_batches_tracked", "prior_")
    learnt = [t.numel() for name, t in model.items() if not name.split(".")[-1].startswith(buffers)]
    assert costs["parameters"] == sum(learnt)


def test_the_table_of_networks_shows_them(made, table):
    found = pd.read_csv(made[2] / "tables/event_detection_networks.csv")
    own = found[(found["row"] == "narrow") & (found["metric"] == "auroc_epistemic")]
    rows = table[(table["name"] == "narrow/1") & (table["metric"] == "auroc_epistemic")]
    assert own["ours"].item() == pytest.approx(rows["value"].mean())
    text = (made[2] / "tables/event_detection_networks.md").read_text()
    assert all(name in text for name in ("narrow", "moved", "both", "Epistemic", "fine-tuned"))


def test_only_what_an_edit_changes_is_made_again(made, write_config):
    workflow, config, _ = made
    assert planned(workflow, config) == {}
    for change, expected in (
        (
            {"narrow": {"scratch": {"learning_rate": 0.02}}},
            {"scratch_variant": 1, "predict_fold_variant": 1, "ood_fold_variant": 1},
        ),
        (
            {"moved": {"transfer": {"finetuned": {"learning_rate": 0.02}}}},
            {"transfer_variant": 1, "predict_fold_variant": 1, "ood_fold_variant": 1},
        ),
    ):
        edited = write_config("edited", merge(copy.deepcopy(VARIANTS), {"variants": change}))
        follows = {"ensemble_on_folds": 2, "fold_metrics": 1}
        assert planned(workflow, edited) == expected | follows


def test_a_phase_trains_by_its_own_recipe(made):
    """What is fine-tuned is heard anew and mixed; its fixed phase before it is neither."""
    recipes = {
        phase: json.loads((made[2] / f"checkpoints/{MOVED}/{phase}.json").read_text())
        for phase in ("fixed", "finetuned")
    }
    fixed, finetuned = (one["settings"]["training"] for one in recipes.values())
    assert finetuned["waveform_augmentation"] == ANEW["waveform_augmentation"]
    assert (fixed["mixup_alpha"], finetuned["mixup_alpha"]) == (0, 0.3)
    assert "waveform_augmentation" not in fixed

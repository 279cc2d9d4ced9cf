"""Deep ensembles, ensembles from one training and single samples, end to end on one fold."""

import copy
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from workflow_harness import ROOT, SYNTHETIC, Workflow

from vipann.config import merge, read_layer
from vipann.models.checkpoints import save_checkpoint
from vipann.models.strategies import build_network
from vipann.parts import bands_of, feature_settings, model_settings

SCENES = "synthetic_scenes"
PLAIN = merge(
    SYNTHETIC,
    {
        "upstream": None,
        "pretrain": {
            "source": "checkpoint",
            "checkpoints": {"det": {"path": "det.safetensors"}},
            "steps": {"flip": 0},
        },
        "transfer": {"strategies": ["det", "drop"], "folds": [2]},
        "scratch": {"strategies": []},
        "evaluation": {"ood_phases": ["finetuned"], "bootstrap_resamples": 100},
        "validation": {"split": "next_fold"},
        "datasets": {SCENES: {"folds": 3}},
    },
)
ENSEMBLES = merge(
    PLAIN,
    {
        "papers": ["vi_pann", "uncertainty"],
        "transfer": {"ensemble_members": 2},
        "uncertainty": {
            "samples": {"clips": 5, "most": 7},
            "swag": {"epochs": 3, "learning_rate": 0.01, "rank": 3, "samples": 3},
        },
    },
)
LOUDER = {"conditions": {"gain": [6]}, "phases": ["fixed"]}
TABLES = [
    f"results/micro/tables/{name}.csv"
    for name in ("table4", "ood", "uncertainty_ensembles", "uncertainty_samples")
]
NOTEBOOKS = [
    f"results/micro/notebooks/{name}.ipynb"
    for name in (f"transfer_{SCENES}", "out_of_distribution")
]


def save_upstream_network(path):
    """As if it had been pretrained, for time."""
    config = merge(read_layer(ROOT / "config/config.yaml"), PLAIN)
    features = feature_settings(config["features"])
    settings = {"model": model_settings(config["model"]), "bands": bands_of(config["features"])}
    facts = {"strategy": "det", "phase": "pretrained", "task": "multilabel", "features": features}
    network = build_network("det", 3, settings)
    save_checkpoint(network, path, facts | {"classes": ["a", "b", "c"], "settings": settings})


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("ensembles"))
    save_upstream_network(workflow.directory / "det.safetensors")
    workflow(write_config("ensembles", ENSEMBLES), "--cores", "2", "--", *TABLES, *NOTEBOOKS)
    return workflow, workflow.directory / "results/micro"


def read(path, name):
    with h5py.File(path) as file:
        return file[name][()].astype(np.float64)


def planned(workflow, config, *targets):
    output = workflow(config, "-n", "--quiet", "rules", "--", *targets).stdout
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit() and w[0] != "total"}


def test_the_ensemble_is_the_mean_of_det_and_a_network_of_another_seed(made):
    results = made[1]
    for clips, phases in (("predictions", ("fixed", "finetuned")), ("ood", ("finetuned",))):
        for phase in phases:
            folder = results / clips / SCENES
            paths = [folder / f"{one}/fold2/{phase}.h5" for one in ("det", "members/2")]
            first, second = (read(path, "mean_probability")[0] for path in paths)
            assert np.abs(first - second).max() > 1e-4
            found = folder / f"ens/fold2/{phase}.h5"
            p = np.stack([first, second])
            np.testing.assert_allclose(read(found, "mean_probability")[0], p.mean(0), atol=1e-6)
            entropies = [-(q * np.log(q)).sum(-1) for q in (p.mean(0), first, second)]
            epistemic = entropies[0] - (entropies[1] + entropies[2]) / 2
            np.testing.assert_allclose(read(found, "epistemic")[0], epistemic, atol=1e-6)
            with h5py.File(found) as file:
                assert file.attrs["strategy"] == "ens"
                assert (file.attrs["phase"], file.attrs["fold"]) == (phase, 2)


def test_the_ensemble_speaks_of_the_validation_fold_too(made, write_config):
    workflow, results = made
    path = f"validation/{SCENES}/ens/fold2/finetuned.h5"
    config = write_config("ensembles", ENSEMBLES)
    workflow(config, "--cores", "2", "--", f"results/micro/{path}")
    p = [
        read(results / f"validation/{SCENES}/{one}/fold2/finetuned.h5", "mean_probability")[0]
        for one in ("det", "members/2")
    ]
    np.testing.assert_allclose(
        read(results / path, "mean_probability")[0], np.mean(p, 0), atol=1e-6
    )
    with h5py.File(results / path) as file:
        validated = set(file["clip_id"].asstr()[()])
    manifest = pd.read_parquet(results / f"manifests/{SCENES}.parquet").set_index("clip_id")
    assert set(manifest.loc[list(validated), "fold"]) == {3}


def test_members_share_the_upstream_network_and_nothing_else(made):
    folder = made[1] / "checkpoints" / SCENES
    facts = [
        json.loads((folder / f"{n}/fold2/fixed.json").read_text()) for n in ("det", "members/2")
    ]
    seeds = [one["settings"].pop("seed") for one in facts]
    assert seeds[0] != seeds[1]
    assert facts[0]["strategy"] == facts[1]["strategy"] == "det"


def test_the_ensemble_stands_beside_the_others_in_the_tables(made):
    for name in ("table4", "ood"):
        rows = pd.read_csv(made[1] / f"tables/{name}.csv")
        assert {"det", "drop", "ens"} <= set(rows["strategy"])
        assert "Ens" in (made[1] / f"tables/{name}.md").read_text()
    rows = pd.read_csv(made[1] / "tables/uncertainty_ensembles.csv")
    rows = rows[(rows["phase"] == "finetuned") & (rows["dataset"] == SCENES)]
    costs = rows.drop_duplicates("strategy").set_index("strategy")[["trainings", "passes"]]
    assert costs.loc["ens"].tolist() == [2, 2]
    assert costs.loc["drop"].tolist() == [1, 2]
    # One epoch of fine-tuning, and three more.
    assert costs.loc["swag"].tolist() == [4, 3]
    labels = read(made[1] / f"predictions/{SCENES}/swag/fold2/finetuned.h5", "labels")
    p = read(made[1] / f"predictions/{SCENES}/swag/fold2/finetuned.h5", "mean_probability")[0]
    found = rows.set_index(["strategy", "metric"])["value"]
    assert found["swag", "accuracy"] == (p.argmax(1) == labels.argmax(1)).mean()
    assert "auroc_epistemic" in found["swag"]
    assert "auroc_epistemic" not in found["det"]


def test_the_notebooks_speak_of_the_ensemble(made):
    for notebook in NOTEBOOKS:
        assert "Ens" in (made[0].directory / notebook).read_text(), notebook


def test_the_checkpoints_of_one_training_are_an_ensemble(made):
    epochs = made[1] / f"checkpoints/{SCENES}/swag/fold2/finetuned.epochs"
    assert sorted(path.name for path in epochs.glob("*.safetensors")) == [
        f"epoch{number:02d}.safetensors" for number in (1, 2, 3)
    ]
    for method in ("checkpoints", "swag_diagonal", "swag"):
        path = made[1] / f"predictions/{SCENES}/{method}/fold2/finetuned.h5"
        assert (read(path, "epistemic") > 0).any()
        with h5py.File(path) as file:
            assert file.attrs["mc_samples"] == 3


def test_single_samples_are_those_of_the_predictions(made):
    path = f"{SCENES}/drop/fold2/finetuned.h5"
    own, single = (made[1] / kind / path for kind in ("predictions", "samples"))
    with h5py.File(own) as file, h5py.File(single) as kept:
        place = [list(file["clip_id"][()]).index(name) for name in kept["clip_id"][()]]
    samples = read(single, "mean_probability")
    assert samples.shape == (7, 5, 4)
    # Two samples in each of three replications.
    for replication, pair in enumerate((samples[:2], samples[2:4], samples[4:6])):
        expected = read(own, "mean_probability")[replication, place]
        np.testing.assert_allclose(pair.mean(0), expected, atol=1e-6)
    rows = pd.read_csv(made[1] / "tables/uncertainty_samples.csv")
    assert set(rows["measure"]) >= {"enough_0.95_epistemic", "enough_0.99_total"}
    assert set(rows["most"]) == {7}


def test_turning_them_on_trains_and_predicts_nothing_of_the_others_again(made, write_config):
    workflow, _ = made
    off = write_config("off", PLAIN)
    # Tables and the metrics of what is no longer among them.
    assert planned(workflow, off, TABLES[0]) == {"metrics": 1, "table": 1}
    more = merge(copy.deepcopy(ENSEMBLES), {"transfer": {"ensemble_members": 3}})
    found = planned(workflow, write_config("more", more), *TABLES)
    assert found == {
        "transfer_member": 2,
        "predict_member": 2,
        "ood_member": 1,
        "seed_ensemble": 3,
        "metrics": 1,
        "table": 3,
    }


def test_as_many_samples_are_drawn_as_the_validation_fold_asks_for(made, write_config):
    workflow, results = made
    changes = {"evaluation": {"mc_samples": "auto"}, "uncertainty": {"robustness": LOUDER}}
    auto = write_config("auto", merge(ENSEMBLES, changes))
    path = f"{SCENES}/drop/fold2/fixed"
    target = f"results/micro/predictions/{path}.h5"
    expected = {"validation_samples": 1, "choose_samples": 1, "predict": 1}
    assert planned(workflow, auto, target) == expected
    degraded = f"results/micro/degraded/{path}__gain_6.h5"
    workflow(auto, "--cores", "2", "--", target, degraded)
    chosen = json.loads((results / f"samples/{path}.json").read_text())["mc_samples"]
    for kind in (f"predictions/{path}.h5", f"degraded/{path}__gain_6.h5"):
        with h5py.File(results / kind) as file:
            assert file.attrs["mc_samples"] == chosen
    with h5py.File(results / f"samples/{path}.validation.h5") as file:
        validated = set(file["clip_id"].asstr()[()])
        assert file["mean_probability"].shape == (7, 5, 4)
    manifest = pd.read_parquet(results / f"manifests/{SCENES}.parquet")
    assert set(manifest.set_index("clip_id").loc[list(validated), "fold"]) == {3}

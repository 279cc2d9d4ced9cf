"""Variants end to end: two of them with two seeds each, an average, and two ensembles."""

import copy

import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge
from vipann.models.checkpoints import load_checkpoint

EPOCHS = 3
VARIANTS = merge(
    SYNTHETIC,
    {
        "transfer_datasets": [],
        "ood": None,
        "features": {"logmel": {"hop_length": 6400}},
        "pretrain": {"epochs": EPOCHS, "keep_epochs": 2, "learning_rate": 0.01},
        "evaluation": {"cost": {"batch_size": 2, "repeats": 2}},
        "variants": {"plain": {}, "unmixed": {"pretrain": {"mixup_alpha": 0.0}}},
        "seeds": [1, 2],
        "averages": {"late": {"of": "plain/1", "epochs": "all", "batch_norm": "recomputed"}},
        "ensembles": {
            "seeds": {"members": ["plain/*"]},
            "checkpoints": {"members": ["unmixed/2"], "epochs": {"last": 2}},
        },
    },
)
METRICS = "results/micro/metrics/synthetic_events.variants.parquet"
COST = "results/micro/metrics/synthetic_events.variant_cost.csv"
PER_CLASS = "results/micro/metrics/synthetic_events.variants_per_class.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("variants"))
    config = write_config("variants", VARIANTS)
    train = "results/micro/predictions/synthetic_events/train/plain/seed1.h5"
    workflow(config, "--cores", "2", "--", METRICS, COST, train)
    return workflow, config, workflow.directory / "results/micro"


def read(path):
    with h5py.File(path) as file:
        return file["mean_probability"][0].astype(np.float64), file["labels"][()]


def planned(workflow, config, target=METRICS):
    output = workflow(config, "-n", "--quiet", "rules", "--", target).stdout
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit() and w[0] != "total"}


def test_everything_is_scored(made):
    _, _, results = made
    table = pd.read_parquet(results / "metrics/synthetic_events.variants.parquet")
    scored = table[table["metric"] == "mAP"]
    epochs = scored["epoch"].astype(object).where(scored["epoch"].notna(), None)
    assert sorted(zip(scored["kind"], scored["name"], epochs, strict=True), key=str) == sorted(
        [
            *(("network", f"{v}/{s}", None) for v in ("plain", "unmixed") for s in (1, 2)),
            *(("network", "unmixed/2", epoch) for epoch in (2, 3)),
            ("average", "plain/1/late", None),
            *(("ensemble", name, None) for name in ("seeds", "checkpoints")),
        ],
        key=str,
    )
    assert len(set(scored["value"][scored["kind"] == "network"])) >= 4
    per_class = pd.read_parquet(results / "metrics/synthetic_events.variants_per_class.parquet")
    assert per_class.groupby("name").size().nunique() == 1
    assert set(per_class["name"]) == set(scored["name"])


def test_the_cost_of_each_variant_is_measured(made):
    _, _, results = made
    costs = pd.read_csv(results / "metrics/synthetic_events.variant_cost.csv")
    assert costs["variant"].tolist() == ["plain", "unmixed"]
    assert (costs[["parameters", "macs", "clips_per_second", "memory_mb"]] > 0).all(axis=None)
    state, _ = load_checkpoint(results / "checkpoints/variants/plain/seed1.safetensors")
    trained = sum(t.numel() for name, t in state.items() if name.endswith(("weight", "bias")))
    assert (costs["parameters"] == trained).all()


def test_an_ensembles_scores_can_be_recomputed_from_its_members(made):
    _, _, results = made
    folder = results / "predictions/synthetic_events"
    table = pd.read_parquet(results / "metrics/synthetic_events.variants.parquet")
    for name, members in (
        ("seeds", ["plain/seed1", "plain/seed2"]),
        ("checkpoints", ["unmixed/seed2.epochs/epoch02", "unmixed/seed2.epochs/epoch03"]),
    ):
        found = [read(folder / f"variants/{member}.h5") for member in members]
        p, labels = np.mean([p for p, _ in found], axis=0), found[0][1]
        there = labels.any(axis=0)
        expected = average_precision_score(labels[:, there], p[:, there], average="macro")
        own = table[(table["name"] == name) & (table["metric"] == "mAP")]
        assert own["value"].item() == pytest.approx(expected, abs=1e-6)
        np.testing.assert_allclose(read(folder / f"ensembles/{name}.h5")[0], p, atol=1e-7)


def test_a_teacher_scores_the_train_list(made):
    _, _, results = made
    train = read(results / "predictions/synthetic_events/train/plain/seed1.h5")
    assert len(train[0]) == SYNTHETIC["datasets"]["synthetic_events"]["options"]["train_clips"]


def test_the_average_is_that_of_the_kept_epochs(made):
    _, _, results = made
    folder = results / "checkpoints/variants/plain"
    epochs = sorted(folder.glob("seed1.epochs/*.safetensors"))
    assert [p.name for p in epochs] == ["epoch02.safetensors", "epoch03.safetensors"]
    states = [load_checkpoint(path)[0] for path in epochs]
    found, _ = load_checkpoint(folder / "seed1.late.safetensors")
    assert all(
        np.allclose(tensor, (states[0][name] + states[1][name]) / 2, atol=1e-7)
        for name, tensor in found.items()
        if name.endswith(("weight", "bias"))
    )
    last, _ = load_checkpoint(folder / "seed1.safetensors")
    assert all(np.array_equal(tensor, states[1][name]) for name, tensor in last.items())


def test_only_what_an_edit_changes_is_made_again(made, write_config):
    workflow, config, _ = made
    assert planned(workflow, config) == {}
    change = {"variants": {"unmixed": {"pretrain": {"learning_rate": 0.02}}}}
    edited = write_config("edited", merge(copy.deepcopy(VARIANTS), change))
    assert planned(workflow, edited) == {
        "train_variant_by_epochs": 2,
        "predict_variant": 4,
        "ensemble": 1,
        "variant_metrics": 1,
    }
    assert planned(workflow, edited, COST) == {}
    change = {"averages": {"late": {"count_start_twice": True}}}
    edited = write_config("averaged", merge(copy.deepcopy(VARIANTS), change))
    assert planned(workflow, edited) == {"average": 1, "predict_variant": 1, "variant_metrics": 1}


def test_flip_starts_from_moped_of_a_variant(tmp_path, write_config):
    change = {
        "pretrain": {"keep_epochs": 0},
        "variants": {"flip": {"strategy": "flip", "start": "plain"}, "drop": {"strategy": "drop"}},
        "averages": None,
        "ensembles": None,
    }
    config = merge(copy.deepcopy(VARIANTS), change) | {"averages": {}, "ensembles": {}}
    output = Workflow(tmp_path)(
        write_config("flip", config), "-n", "--quiet", "rules", "--", METRICS
    ).stdout
    lines = [line.split() for line in output.splitlines()]
    found = {w[0]: w[1] for w in lines if len(w) == 2}
    assert found["train_variant"] == "8"
    assert found["moped_variant"] == "2"

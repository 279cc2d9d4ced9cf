"""Scores of variants over folds, against scikit-learn, and what their training cost."""

import json

import numpy as np
import pandas as pd
import pytest
from dummies import outside_predictions, random_predictions
from sklearn.metrics import roc_auc_score

from vipann.evaluation.fold_metrics import _costs, fold_metrics
from vipann.evaluation.predictions import write_predictions
from vipann.evaluation.variant_metrics import Scored

MLP = {
    "encoder": "frame_mlp",
    "frame_mlp": {"hidden": 6, "dropout": 0.5},
    "pooling": "mean",
    "head": "linear",
}
NETWORK = Scored("network", "mlp/1", "mlp", 1, None)
ENSEMBLE = Scored("ensemble", "both", "", None, None)


@pytest.fixture
def scored(tmp_path):
    """(own predictions, outside ones, table) of two folds of a network and of an ensemble."""
    own = [random_predictions(seed=fold, fold=fold, phase="scratch") for fold in (1, 2)]
    outside = [outside_predictions(seed=9 + fold, fold=fold, phase="scratch") for fold in (1, 2)]
    predictions, others, trained = [], [], []
    for one, other in zip(own, outside, strict=True):
        for files, kind, found in ((predictions, "own", one), (others, "ood", other)):
            path = tmp_path / kind / f"fold{one.fold}/scratch.h5"
            path.parent.mkdir(parents=True)
            write_predictions(found, path)
            files += [(NETWORK, path), (ENSEMBLE, path)]
        folder = tmp_path / f"checkpoints/own/fold{one.fold}"
        folder.mkdir(parents=True)
        facts = {"strategy": "det", "phase": "scratch", "fold": one.fold, "classes": list("abcd")}
        facts |= {"training_seconds": 10.0 * one.fold}
        settings = {"model": MLP, "bands": 8, "training": {}}
        (folder / "scratch.json").write_text(json.dumps(facts | {"settings": settings}))
        trained.append((NETWORK, folder / "scratch.json"))

    def score():
        out = tmp_path / "table.parquet"
        fold_metrics(predictions, others, trained, "own", [0.5, 1.0], 5, out)
        return own, outside, pd.read_parquet(out)

    return score


def test_scores_of_each_fold_are_those_of_scikit_learn(scored):
    own, outside, table = scored()
    for name in ("mlp/1", "both"):
        rows = table[table["name"] == name].set_index(["metric", "fold", "replication"])["value"]
        for one, other in zip(own, outside, strict=True):
            place = (one.fold, 1)
            guesses = one.mean_probability[1].argmax(axis=1)
            assert rows[("accuracy", *place)] == pytest.approx((guesses == one.targets).mean())
            score = np.concatenate([one.epistemic[1], other.epistemic[1]])
            truth = np.repeat([0, 1], [len(one.clip_id), len(other.clip_id)])
            expected = roc_auc_score(truth, score)
            assert rows[("auroc_epistemic", *place)] == pytest.approx(expected)
            assert ("ece", *place) in rows.index
            assert ("nll", *place) in rows.index
        assert ("ece_pooled", 0, 1) in rows.index


def test_a_networks_parameters_and_seconds_are_counted(scored):
    _, _, table = scored()
    rows = table[table["name"] == "mlp/1"].set_index(["metric", "fold"])["value"]
    layers = 8 * 6 + 6 * 6
    norms = 2 * (8 + 6 + 6)
    assert rows[("parameters", 1)] == layers + norms + (6 * 4 + 4)
    assert rows[("training_seconds", 2)] == 20
    assert not set(table.loc[table["kind"] == "ensemble", "metric"]) & {"parameters"}
    assert set(table["dataset"]) == {"own"}


def test_what_flip_leaves_without_a_posterior_is_counted(tmp_path):
    """A GRU's: 2 directions x 3 gates of 32 from 64 and 32, and two biases of each."""
    folder = tmp_path / "checkpoints/own/fold1"
    folder.mkdir(parents=True)
    bayesian = {"prior_mu": 0.0, "prior_sigma": 1.0, "posterior_mu_init": 0.0}
    bayesian |= {"posterior_rho_init": -3.0}
    model = {"encoder": "talnet", "talnet": {"width": 64}, "pooling": "mean", "head": "linear"}
    facts = {"strategy": "flip", "phase": "scratch", "fold": 1, "classes": list("abcd")}
    facts["training_seconds"] = 1.0
    facts["settings"] = {"model": model, "bands": 64, "bayesian": bayesian}
    (folder / "scratch.json").write_text(json.dumps(facts))
    ((_, rows),) = _costs([(NETWORK, folder / "scratch.json")], "own")
    found = rows.set_index("metric")["value"]
    assert found["point_parameters"] == 2 * 3 * (32 * 64 + 32 * 32 + 2 * 32)

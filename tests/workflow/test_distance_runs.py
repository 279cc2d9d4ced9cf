"""Scores of out-of-distribution clips and the Laplace approximation, added to a finished run: with
several labels a clip upstream, with one in transfer."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge
from vipann.evaluation.embeddings import read_embeddings
from vipann.evaluation.ood_scores import logit_scores
from vipann.evaluation.predictions import read_predictions

ADDED = {
    "papers": ["vi_pann", "uncertainty"],
    "uncertainty": {
        "embeddings": {"training_clips": 20, "mc_samples": 2},
        "ood_scores": {"strategies": ["det"], "neighbours": 3},
        "laplace": {
            "structure": "kronecker",
            "prior_precision": "marginal_likelihood",
            "samples": 20,
        },
    },
}
TABLES = [f"results/micro/tables/uncertainty_{name}.csv" for name in ("ood_scores", "laplace")]
PHASES, FOLDS = ("fixed", "finetuned"), (1, 2)
TASKS = {"synthetic_events": "multilabel", "synthetic_scenes": "multiclass"}


def planned(workflow, config):
    output = workflow(config, "-n", "--quiet", "rules", "--", *TABLES).stdout
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit() and w[0] != "total"}


@pytest.fixture(scope="module")
def added(finished, tmp_path_factory, write_config):
    """(jobs that were planned, results folder) of the finished run with these parts added."""
    folder = tmp_path_factory.mktemp("distances") / "run"
    shutil.copytree(finished[0].directory, folder)
    workflow, config = Workflow(folder), write_config("distances", merge(SYNTHETIC, ADDED))
    jobs = planned(workflow, config)
    workflow(config, "--cores", "2", "--", *TABLES)
    return jobs, folder / "results/micro"


def networks(dataset):
    if TASKS[dataset] == "multilabel":
        return [f"{dataset}/det/pretrained"]
    return [f"{dataset}/det/fold{fold}/{phase}" for fold in FOLDS for phase in PHASES]


def test_nothing_that_is_finished_is_made_again(added):
    transferred = len(FOLDS) * len(PHASES)
    assert added[0] == {
        "embed": transferred,
        "embed_upstream": 1,
        "laplace": transferred,
        "laplace_upstream": 1,
        "ood_scores": 2,
        "laplace_scores": 2,
        "table": 2,
    }


@pytest.mark.parametrize("dataset", TASKS)
def test_scores_can_be_recomputed_from_the_embeddings(added, dataset):
    results = added[1]
    found = pd.read_parquet(results / f"metrics/{dataset}.ood_scores.parquet")
    rows = found[(found["fold"] != "all") & (found["measure"] == "auroc")]
    areas = rows.set_index(["phase", "fold", "score"])["value"]
    for path in networks(dataset):
        one = read_embeddings(results / "embeddings" / f"{path}.h5")
        assert one.task == TASKS[dataset]
        assert 0 < len(one.training) <= 20
        assert not set(one.training.recording) & set(one.test.recording)
        truth = np.repeat([0, 1], [len(one.test), len(one.outside)])
        own, other = (logit_scores(side.logits, one.task) for side in (one.test, one.outside))
        for name in own:
            area = roc_auc_score(truth, np.r_[own[name], other[name]])
            assert areas[one.phase, str(one.fold), name] == pytest.approx(area)
        embedding = one.training.embedding / np.linalg.norm(
            one.training.embedding, axis=1, keepdims=True
        ).clip(1e-12)
        sides = []
        for side in (one.test.embedding, one.outside.embedding):
            unit = side / np.linalg.norm(side, axis=1, keepdims=True).clip(1e-12)
            gaps = np.linalg.norm((unit[:, None] - embedding).astype(np.float64), axis=2)
            sides.append(np.sort(gaps, axis=1)[:, 2])
        # In float32, so that ties may fall either way.
        area = roc_auc_score(truth, np.concatenate(sides))
        assert areas[one.phase, str(one.fold), "nearest_neighbours"] == pytest.approx(
            area, abs=0.02
        )


@pytest.mark.parametrize("dataset", TASKS)
def test_laplace_stands_beside_the_strategies(added, dataset):
    results = added[1]
    found = pd.read_parquet(results / f"metrics/{dataset}.laplace.parquet")
    assert set(found["strategy"]) == {"laplace"}
    score = "mAP" if TASKS[dataset] == "multilabel" else "accuracy"
    metrics = {score, "nll", "brier", "ece_pooled", "auroc_epistemic", "prior_precision"}
    assert metrics <= set(found["metric"])
    for path in networks(dataset):
        one = read_predictions(results / "laplace" / f"{path}.h5")
        det = read_predictions(results / "predictions" / f"{path}.h5")
        np.testing.assert_array_equal(one.clip_id, det.clip_id)
        assert (one.epistemic > 0).all()
        np.testing.assert_allclose(one.total, one.aleatoric + one.epistemic, atol=1e-5)
        # Its logits are those of the network, and draws around them.
        assert np.abs(one.mean_probability - det.mean_probability).max() < 0.5
        with h5py.File(results / "laplace" / f"{path}.h5") as file:
            precision = float(file.attrs["prior_precision"])
        assert 1e-4 <= precision <= 1e6


def test_tables_show_both_datasets_beside_what_they_are_held_against(added):
    results = added[1]
    scores, laplace = (pd.read_csv(results.parents[1] / path) for path in TABLES)
    for table in (scores, laplace):
        assert set(table["dataset"]) == set(TASKS)
    assert set(laplace["strategy"]) == {"det", "laplace"}
    assert {"energy", "total"} <= set(scores["score"])
    text = (results / "tables/uncertainty_ood_scores.md").read_text()
    assert all(word in text for word in ("Mahalanobis", "Energy", "Entropy", "needs no network"))
    assert "Det, Laplace" in (results / "tables/uncertainty_laplace.md").read_text()

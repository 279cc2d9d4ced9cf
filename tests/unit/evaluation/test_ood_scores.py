"""Scores of out-of-distribution clips against scikit-learn, scipy and formulas by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dummies import labels_of, outside_predictions, random_predictions
from embedded import embeddings_of, write_embeddings
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.covariance import LedoitWolf
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from vipann.errors import UserError
from vipann.evaluation.detection_tables import DETECTION_COLUMNS, detection_table
from vipann.evaluation.embeddings import read_embeddings
from vipann.evaluation.metrics import MetricSettings
from vipann.evaluation.ood_scores import Distances, logit_scores, ood_scores
from vipann.evaluation.predictions import read_predictions, write_predictions
from vipann.evaluation.resampling import Resamples, aupr_of, fpr95_of, interval
from vipann.evaluation.supplementary import detection_metrics, interval_table
from vipann.seeds import derive_seed


def test_scores_of_logits_are_the_formulas_of_their_papers():
    logits = np.array([[2.0, -1.0, 0.5], [-3.0, -3.0, -3.0]])
    found = logit_scores(logits, "multiclass")
    power = np.exp(logits)
    np.testing.assert_allclose(found["max_probability"], 1 - power.max(1) / power.sum(1))
    np.testing.assert_allclose(found["max_logit"], [-2.0, 3.0])
    np.testing.assert_allclose(found["energy"], -np.log(power.sum(axis=1)))
    found = logit_scores(logits, "multilabel")
    np.testing.assert_allclose(found["max_probability"], 1 - power.max(1) / (1 + power.max(1)))
    # The joint energy: of each class its free energy, -ln(1 + e^z), and their sum.
    np.testing.assert_allclose(found["energy"], -np.log(1 + power).sum(axis=1))


@given(st.floats(-50, 50), st.integers(0, 10_000))
def test_a_shift_of_all_logits_moves_energy_and_not_the_softmax(shift, seed):
    logits = np.random.default_rng(seed).normal(0, 5, (4, 3))
    plain, moved = (logit_scores(z, "multiclass") for z in (logits, logits + shift))
    np.testing.assert_allclose(moved["max_probability"], plain["max_probability"], atol=1e-9)
    np.testing.assert_allclose(moved["energy"], plain["energy"] - shift, atol=1e-9)


def test_large_logits_do_not_overflow():
    for task in ("multiclass", "multilabel"):
        found = logit_scores(np.array([[1000.0, -1000.0]]), task)
        np.testing.assert_allclose(found["energy"], [-1000.0])
        np.testing.assert_allclose(found["max_probability"], [0.0])


@pytest.fixture
def planted():
    """Training embeddings of three classes, their labels, and others."""
    rng = np.random.default_rng(3)
    targets = rng.integers(0, 3, 60)
    centres = rng.normal(0, 4, (3, 8))
    training = (centres[targets] + rng.normal(size=(60, 8))).astype(np.float32)
    return training, labels_of(targets, 3), rng.normal(0, 4, (25, 8)).astype(np.float32)


def test_mahalanobis_is_scikit_learns_of_the_nearest_class(planted):
    training, labels, others = planted
    means = np.array([training[labels[:, c] > 0].mean(axis=0) for c in range(3)], np.float64)
    fitted = LedoitWolf(assume_centered=True).fit(training - means[labels.argmax(axis=1)])
    squares = [fitted.mahalanobis(others - mean) for mean in means]
    found = Distances.fit(training, labels, 5).scores(others)["mahalanobis"]
    np.testing.assert_allclose(found, np.sqrt(np.min(squares, axis=0)), rtol=1e-5)


def test_a_clip_of_several_classes_counts_for_each(planted):
    training, labels, others = planted
    several = labels.copy()
    several[:20, 1] = 1
    several[20:23] = 0
    once = np.concatenate([training[several[:, c] > 0] for c in range(3)])
    repeated = np.repeat(np.eye(3, dtype=np.uint8), several.sum(axis=0).astype(int), axis=0)
    found = Distances.fit(training, several, 5).scores(others)["mahalanobis"]
    expected = Distances.fit(once, repeated, 5).scores(others)["mahalanobis"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_neighbour_is_the_kth_by_angle(planted):
    training, labels, others = planted
    unit, own = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (training, others))
    distances = np.sort(np.linalg.norm(own[:, None] - unit[None], axis=2), axis=1)
    for k in (1, 7, 60):
        found = Distances.fit(training, labels, k).scores(others * 3)["nearest_neighbours"]
        np.testing.assert_allclose(found, distances[:, k - 1], atol=1e-6)
    with pytest.raises(UserError, match=r"uncertainty\.ood_scores\.neighbours: 61 .* 60 clips"):
        Distances.fit(training, labels, 61)


def test_embeddings_that_never_vary_tell_nothing(planted):
    _, labels, others = planted
    found = Distances.fit(np.ones((60, 8), np.float32), labels, 5).scores(others)
    assert not found["mahalanobis"].any()
    assert np.isfinite(found["nearest_neighbours"]).all()


def test_nothing_but_training_clips_is_fitted_on(tmp_path):
    one = embeddings_of(seed=1)
    shifted = embeddings_of(seed=1, away=50.0)
    own, outside = ood_scores(one, 5)
    same, moved = ood_scores(shifted, 5)
    for name, values in own.items():
        np.testing.assert_array_equal(same[name], values)
    assert (moved["mahalanobis"] > outside["mahalanobis"]).all()
    path = write_embeddings(tmp_path / "one.h5", one)
    again = ood_scores(read_embeddings(path), 5)[1]
    np.testing.assert_array_equal(again["nearest_neighbours"], outside["nearest_neighbours"])


def test_resampled_aupr_and_fpr_are_scikit_learns_of_repeated_clips():
    rng = np.random.default_rng(4)
    inside, outside = np.round(rng.random((1, 30)), 1), np.round(rng.random((1, 20)) + 0.2, 1)
    own, other = rng.integers(0, 30, (8, 30)), rng.integers(0, 20, (8, 20))
    weights = np.array([np.bincount(r, minlength=30) for r in own], float)
    others = np.array([np.bincount(r, minlength=20) for r in other], float)
    precision = aupr_of(inside, outside)(0, weights, others)
    raised = fpr95_of(inside, outside)(0, weights, others)
    truth = np.repeat([0, 1], [30, 20])
    for b in range(8):
        score = np.r_[inside[0, own[b]], outside[0, other[b]]]
        assert precision[b] == pytest.approx(average_precision_score(truth, score))
        false, found, _ = roc_curve(truth, score, drop_intermediate=False)
        assert raised[b] == pytest.approx(false[found >= 0.95].min())


@pytest.fixture
def made(tmp_path):
    """Two folds of a network's files, and the table of them."""
    files = {"embeddings": [], "predictions": [], "outside": []}
    for fold in (1, 2):
        one = embeddings_of(seed=fold, fold=fold)
        own = random_predictions(fold, fold=fold, clip_id=one.test.clip_id)
        beside = outside_predictions(fold + 10, fold=fold, clip_id=one.outside.clip_id)
        files["embeddings"].append(write_embeddings(tmp_path / f"e{fold}.h5", one))
        for name, predictions in (("predictions", own), ("outside", beside)):
            files[name].append(tmp_path / f"{name}{fold}.h5")
            write_predictions(predictions, files[name][-1])
    return files, tmp_path / "scores.parquet"


def test_the_table_holds_every_score_of_every_fold_and_their_mean(made):
    files, out = made
    detection_table(*files.values(), neighbours=5, resamples=400, seed=7, out=out)
    table = pd.read_parquet(out)
    assert list(table.columns) == DETECTION_COLUMNS
    assert len(table) == 8 * 3 * 3
    values = table.set_index(["fold", "score", "measure"])["value"]
    for fold, path in (("1", files["embeddings"][0]), ("2", files["embeddings"][1])):
        own, outside = ood_scores(read_embeddings(path), 5)
        truth = np.repeat([0, 1], [30, 20])
        for name in own:
            area = roc_auc_score(truth, np.r_[own[name], outside[name]])
            assert values[fold, name, "auroc"] == pytest.approx(area)
    for name, measure in values["all"].index:
        folds = values["1", name, measure], values["2", name, measure]
        assert values["all", name, measure] == pytest.approx(np.mean(folds))
    whole = table[(table["fold"] == "all") & (table["measure"] == "auroc")]
    assert (whole["low"] < whole["value"]).all()
    assert (whole["value"] < whole["high"]).all()
    whole = whole.set_index("score")
    assert set(whole["reference"]) == {"epistemic"}
    change = whole["value"] - whole["value"]["epistemic"]
    np.testing.assert_allclose(whole["change"], change)
    assert whole[["change_low", "change_high"]].loc["epistemic"].isna().all()
    others = whole.drop(index="epistemic")
    assert (others["change_low"] < others["change"]).all()
    assert set(whole["own_recordings"]) == {60}
    assert set(whole["ood_recordings"]) == {20}


def test_uncertainties_and_their_intervals_are_those_of_the_metrics(made):
    files, out = made
    detection_table(*files.values(), neighbours=5, resamples=200, seed=7, out=out)
    table = pd.read_parquet(out)
    own, outside = (list(map(read_predictions, files[n])) for n in ("predictions", "outside"))
    settings = MetricSettings(fractions=[0.5, 1.0], bins=5, resamples=200, seed=7, orders=0)
    expected = interval_table(own, {one.fold: one for one in outside}, settings)
    expected = expected.set_index("metric")
    rows = table[(table["fold"] == "all") & (table["measure"] == "auroc")].set_index("score")
    for name in ("total", "aleatoric", "epistemic"):
        found, other = rows.loc[name], expected.loc[f"auroc_{name}"]
        for column in ("value", "low", "high"):
            assert found[column] == pytest.approx(other[column])
    measured = pd.concat(map(detection_metrics, own, outside)).groupby("metric")["value"].mean()
    rows = table[table["fold"] == "all"].set_index(["score", "measure"])["value"]
    assert rows["total", "fpr95"] == pytest.approx(measured["fpr95_total"])


def test_an_interval_of_fpr_holds_what_other_recordings_give():
    """Of normal scores the true FPR95 is known."""
    truth = norm.sf(norm.ppf(0.05, loc=2.0))
    covered, tries = 0, 200
    for number in range(tries):
        rng = np.random.default_rng(derive_seed(1, number))
        inside, outside = rng.normal(size=(1, 150)), rng.normal(2.0, 1.0, (1, 150))
        sides = [Resamples(np.arange(150), 200, rng) for _ in range(2)]
        every = np.arange(200)
        drawn = fpr95_of(inside, outside)(0, *(side.weights(every) for side in sides))
        value = fpr95_of(inside, outside)(0, *np.ones((2, 1, 150)))[0]
        low, high = interval(value, drawn, [[150], [150]], share=True)
        covered += low <= truth <= high
    assert covered / tries >= 0.9


def test_files_of_other_clips_are_refused(made):
    files, out = made
    other = random_predictions(1, fold=1)
    write_predictions(other, files["predictions"][0])
    with pytest.raises(UserError, match=r"own/flip/fold1/finetuned.*different clips of own"):
        detection_table(*files.values(), neighbours=5, resamples=100, seed=7, out=out)
    assert not out.exists()


def test_folds_must_have_heard_the_same_clips(made):
    files, out = made
    one = embeddings_of(seed=2, fold=2)
    names = np.array([f"x{index}" for index in range(20)])
    other = embeddings_of(seed=2, fold=2, outside=replace(one.outside, clip_id=names))
    write_embeddings(files["embeddings"][1], other)
    write_predictions(outside_predictions(12, fold=2, clip_id=names), files["outside"][1])
    with pytest.raises(UserError, match=r"own/flip/finetuned: folds 1 and 2 heard other clips"):
        detection_table(*files.values(), neighbours=5, resamples=100, seed=7, out=out)


def test_a_difference_is_of_scores_of_the_same_clips(made):
    """Two scores that order clips alike differ by nothing, in no resample."""
    files, out = made
    for kind, part in (("predictions", "test"), ("outside", "outside")):
        for fold in (0, 1):
            clips = getattr(read_embeddings(files["embeddings"][fold]), part)
            one = read_predictions(files[kind][fold])
            energy = logit_scores(clips.mean_logits, "multiclass")["energy"] + 100
            wide = np.broadcast_to(energy.astype(np.float32), one.epistemic.shape)
            write_predictions(replace(one, epistemic=wide), files[kind][fold])
    detection_table(*files.values(), neighbours=5, resamples=100, seed=7, out=out)
    rows = pd.read_parquet(out).query("fold == 'all' and measure == 'auroc'").set_index("score")
    assert rows.loc["energy", "change"] == pytest.approx(0, abs=1e-3)
    spread = rows["change_high"] - rows["change_low"]
    assert not spread["energy"] > 0.01
    assert spread["max_logit"] > 0.01

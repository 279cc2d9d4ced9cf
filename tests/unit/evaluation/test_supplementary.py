"""What the paper does not report, from planted predictions to the parquet files."""

import numpy as np
import pandas as pd
import pytest
from dummies import labels_of, outside_predictions, random_predictions
from sklearn.metrics import confusion_matrix, roc_auc_score

from vipann.errors import UserError
from vipann.evaluation import calibration
from vipann.evaluation.diagnostics import confusion_table, reliability_table
from vipann.evaluation.metrics import METRIC_COLUMNS, MetricSettings
from vipann.evaluation.predictions import write_predictions
from vipann.evaluation.retention import retention_curve, retention_table
from vipann.evaluation.summarise import summarise
from vipann.evaluation.supplementary import (
    ENSEMBLE,
    fold_ensemble,
    interval_table,
    own_metrics,
    pooled_metrics,
    retention_metrics,
    supplementary_tables,
    temperature_metrics,
)

FRACTIONS = [0.25, 0.5, 1.0]
FILES = ("metrics", "retention", "uncertainty", "confusion", "reliability", "intervals")


def settings(resamples=100, seed=1):
    return MetricSettings(FRACTIONS, bins=5, resamples=resamples, seed=seed, orders=5)


def det(fold, **changes):
    return random_predictions(fold, replications=1, strategy="det", fold=fold, **changes)


def values(frame, replication=0):
    chosen = frame[frame["replication"] == replication]
    return dict(zip(chosen["metric"], chosen["value"], strict=True))


def test_own_metrics_are_taken_in_each_replication():
    one = random_predictions()
    areas = retention_metrics(retention_table([one], FRACTIONS, 5))
    assert list(areas.columns) == METRIC_COLUMNS
    frame = pd.concat([own_metrics(one, 5), areas])
    for replication in range(3):
        found = values(frame, replication)
        right = (one.predicted[replication] == one.targets).astype(float)
        curve = retention_curve(right, one.epistemic[replication], FRACTIONS)
        assert found["retention_area_epistemic"] == pytest.approx(curve.mean())
        assert found["retention_gain_epistemic"] == pytest.approx(curve.mean() - right.mean())
        p = one.mean_probability[replication].astype(float)
        assert found["brier"] == pytest.approx(((p - one.labels) ** 2).sum(axis=1).mean())
        assert 0 <= found["adaptive_ece"] <= 1


def test_multilabel_retention_areas_are_of_map():
    one = random_predictions(task="multilabel", replications=1)
    found = values(retention_metrics(retention_table([one], [0.5, 1.0], 5)))
    kept = np.argsort(one.total[0], kind="stable")
    cut = one.total[0] <= np.sort(one.total[0])[14]
    assert len(kept) == 30

    def mean_ap(chosen):
        scores = []
        for y, p in zip(one.labels[chosen].T, one.mean_probability[0][chosen].T, strict=True):
            if y.any():
                scores.append(np.mean([y[p >= mine].mean() for mine in p[y > 0]]))
        return np.mean(scores)

    expected = (mean_ap(cut) + mean_ap(np.ones(30, bool))) / 2
    assert found["retention_area_total"] == pytest.approx(expected)


def test_pooled_errors_are_of_all_clips_at_once():
    folds = [random_predictions(seed, clips=10 + seed, fold=seed) for seed in (1, 2)]
    frame = pooled_metrics(folds, [one.mean_probability for one in folds], 4)
    assert set(frame["fold"]) == {0}
    for replication in range(3):
        labels = np.concatenate([one.labels for one in folds])
        probability = np.concatenate([one.mean_probability[replication] for one in folds])
        pair = calibration.confidence_and_outcome(labels, probability, "multiclass")
        expected = calibration.calibration_error(*pair, 4)
        assert values(frame, replication)["ece_pooled"] == pytest.approx(expected)


def test_a_folds_temperature_does_not_depend_on_the_fold():
    folds = [det(fold, clips=80) for fold in (1, 2, 3)]
    frame = temperature_metrics(folds, 5).set_index(["fold", "metric"])["value"]
    rest = [np.concatenate([one.labels for one in folds[1:]])]
    rest.append(np.concatenate([one.mean_probability[0] for one in folds[1:]]))
    assert frame[1, "temperature"] == pytest.approx(calibration.fit_temperature(*rest))
    # Shuffle the labels of fold 1: its own temperature stays, those of the others move.
    changed = det(1, clips=80, labels=np.roll(folds[0].labels, 1, axis=0))
    again = temperature_metrics([changed, *folds[1:]], 5).set_index(["fold", "metric"])["value"]
    assert again[1, "temperature"] == frame[1, "temperature"]
    assert again[2, "temperature"] != pytest.approx(frame[2, "temperature"], rel=1e-3)
    assert again[1, "nll_tempered"] != pytest.approx(frame[1, "nll_tempered"], rel=1e-3)


def test_overconfident_networks_are_softened_to_a_lower_nll():
    sharp = []
    for one in (det(fold, clips=200) for fold in (1, 2)):
        p = calibration.tempered(one.mean_probability[0], 0.2)[None].astype(np.float32)
        sharp.append(det(one.fold, clips=200, mean_probability=p, labels=one.labels))
    frame = temperature_metrics(sharp, 10).groupby("metric")["value"].mean()
    plain = pd.concat([own_metrics(one, 10) for one in sharp])
    before = plain.groupby("metric")["value"].mean()
    assert frame["temperature"] > 1.3
    assert frame["nll_tempered"] < before["nll"]
    assert frame["ece_tempered"] < before["ece"]


def test_one_fold_or_several_labels_a_clip_have_no_temperature():
    assert temperature_metrics([det(1)], 5).empty
    assert temperature_metrics([det(1, task="multilabel"), det(2, task="multilabel")], 5).empty


def test_networks_that_contradict_each_other_are_epistemically_uncertain():
    sure = [np.tile(np.eye(4, dtype=np.float32)[fold], (1, 20, 1)) for fold in (0, 1)]
    files = [
        outside_predictions(fold=fold + 1, strategy="det", mean_probability=p, replications=1)
        for fold, p in enumerate(sure)
    ]
    found = fold_ensemble(files)
    assert found.strategy == ENSEMBLE
    assert found.epistemic == pytest.approx(np.full((1, 20), np.log(2)))
    assert found.aleatoric == pytest.approx(0)
    alike = fold_ensemble([files[0], files[0]])
    assert alike.epistemic == pytest.approx(0)
    assert not found.labelled


def test_the_ensemble_has_uncertainties_and_nothing_else():
    folds = [det(fold) for fold in (1, 2)]
    outside = [outside_predictions(f, replications=1, strategy="det", fold=f) for f in (1, 2)]
    tables = supplementary_tables(folds, outside, settings())
    metrics = pd.concat(tables["metrics"])
    ensemble = metrics[metrics["strategy"] == ENSEMBLE]
    assert set(ensemble["metric"]) == {"mean_total", "mean_aleatoric", "mean_epistemic"}
    assert set(ensemble["scored_dataset"]) == {"ships"}
    detection = metrics[metrics["metric"] == "auroc_total"].set_index("fold")["value"]
    truth = np.repeat([0, 1], [30, 20])
    for one, other in zip(folds, outside, strict=True):
        expected = roc_auc_score(truth, np.r_[one.total[0], other.total[0]])
        assert detection[one.fold] == pytest.approx(expected)


def test_confusions_are_added_over_replications_and_classes_keep_their_names():
    one = random_predictions()
    frame = confusion_table(one)
    expected = sum(confusion_matrix(one.targets, p, labels=range(4)) for p in one.predicted) / 3
    for row in frame.itertuples():
        cell = expected[one.classes.index(row.target), one.classes.index(row.predicted)]
        assert row.clips == pytest.approx(cell)
    assert frame["clips"].sum() == pytest.approx(30)
    absent = random_predictions(labels=labels_of(np.zeros(30, int), 4))
    assert {"class1", "class2", "class3"} <= set(confusion_table(absent)["target"])


def test_a_reliability_bin_holds_what_was_planted():
    p = np.array([[0.95, 0.05], [0.85, 0.15], [0.35, 0.65]], np.float32)[None]
    labels = labels_of(np.array([0, 1, 1]), 2)
    zeros = np.zeros((1, 3))
    one = random_predictions(
        clips=3,
        classes=2,
        labels=labels,
        mean_probability=p,
        total=zeros,
        aleatoric=zeros,
        epistemic=zeros,
    )
    frame = reliability_table([one, one], 5).round(6)
    assert frame.loc[4, ["cases", "confidence", "outcome"]].tolist() == [4, 0.9, 0.5]
    assert frame.loc[3, ["cases", "confidence", "outcome"]].tolist() == [2, 0.65, 1]
    assert frame["cases"].sum() == 6
    assert np.isnan(frame.loc[0, "outcome"])


def test_intervals_hold_the_value_and_narrow_with_clips():
    def width(clips):
        folds = [random_predictions(seed, clips=clips, fold=seed) for seed in (1, 2)]
        tables = supplementary_tables(folds, [], settings(400, 3))
        frame = tables["intervals"][0].set_index("metric")
        assert (frame["low"] <= frame["value"]).all()
        assert (frame["value"] <= frame["high"]).all()
        assert not [name for name in frame.index if name.startswith("auroc")]
        mean = np.mean([(one.predicted == one.targets).mean() for one in folds])
        assert frame.loc["accuracy", "value"] == pytest.approx(mean)
        return frame.loc["accuracy", "high"] - frame.loc["accuracy", "low"]

    assert width(400) < 0.6 * width(50)


def test_summarise_writes_all_of_it_and_the_same_again(tmp_path):
    own, other = [], []
    for fold in (1, 2):
        for one, paths in (
            (det(fold), own),
            (random_predictions(fold, fold=fold), own),
            (outside_predictions(fold, replications=1, strategy="det", fold=fold), other),
            (outside_predictions(fold, fold=fold), other),
        ):
            paths.append(tmp_path / f"{one.strategy}{fold}{one.scored_dataset}.h5")
            write_predictions(one, paths[-1])

    def run(name):
        out = tmp_path / name
        outputs = {kind: out / f"{kind}.parquet" for kind in FILES}
        summarise(own, other, settings(), outputs)
        return {kind: pd.read_parquet(path) for kind, path in outputs.items()}

    once, again = run("a"), run("b")
    for name, frame in once.items():
        pd.testing.assert_frame_equal(frame, again[name])
    metrics = once["metrics"]
    assert {"accuracy", "ece", "auroc_epistemic", "temperature"} <= set(metrics["metric"])
    assert set(metrics["strategy"]) == {"det", "flip", ENSEMBLE}
    outside = metrics[metrics["metric"] == "auroc_total"]
    assert set(outside["scored_dataset"]) == {"ships"}


def test_upstream_files_without_folds_are_summarised_too(tmp_path):
    one = random_predictions(task="multilabel", fold=0, phase="pretrained")
    write_predictions(one, tmp_path / "flip.h5")
    more = {kind: tmp_path / f"{kind}.parquet" for kind in FILES}
    summarise([tmp_path / "flip.h5"], [], settings(), more)
    assert pd.read_parquet(more["confusion"]).empty
    assert {"nll", "brier"} == set(pd.read_parquet(more["intervals"])["metric"])


def test_clips_heard_at_another_length_are_not_compared():
    outside = outside_predictions(clip_seconds=10.0)
    with pytest.raises(UserError, match=r"5 s.*10 s"):
        supplementary_tables([random_predictions()], [outside], settings(10))


def test_all_folds_hear_the_same_out_of_distribution_recordings():
    """Where folds' uncertainties are the same, the average of five folds varies as one."""
    rng = np.random.default_rng(0)
    recording = np.repeat([f"ship{index}" for index in range(8)], 5)
    outside_total = np.repeat(rng.normal(1.0, 1.0, 8), 5)[None].repeat(3, axis=0)

    def widths(numbers):
        folds = [random_predictions(clips=400, fold=n, total=own_total) for n in numbers]
        others = {
            n: outside_predictions(fold=n, clips=40, total=outside_total, recording=recording)
            for n in numbers
        }
        frame = interval_table(folds, others, settings(400)).set_index("metric")
        row = frame.loc["auroc_total"]
        assert row["recordings"] == 8
        return row["high"] - row["low"]

    own_total = rng.normal(0.0, 1.0, (3, 400))
    assert widths([1, 2, 3, 4, 5]) == pytest.approx(widths([1]), rel=0.2)

"""Scores in several settings: against those of the metrics, and by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dummies import outside_predictions, random_predictions
from scipy.stats import spearmanr

from vipann.conditions import Condition
from vipann.errors import UserError
from vipann.evaluation import probes
from vipann.evaluation.metrics import MetricSettings
from vipann.evaluation.predictions import UNCERTAINTIES, write_predictions
from vipann.evaluation.supplementary import interval_table, supplementary_metrics

FRACTIONS = [0.2, 0.4, 0.6, 0.8, 1.0]
SETTINGS = MetricSettings(fractions=FRACTIONS, bins=5, resamples=200, seed=3, orders=0)
FOLDS = [random_predictions(seed, fold=seed) for seed in (1, 2, 3)]
OUTSIDE = [outside_predictions(100 + one.fold, fold=one.fold) for one in FOLDS]


def by_name(frame, fold="all"):
    return frame[frame["fold"] == fold].set_index("measure")


def test_scores_and_intervals_are_those_of_the_metrics():
    """Of the bootstrap only the draws are others."""
    found = by_name(probes.measures(FOLDS, SETTINGS, OUTSIDE))
    wide = MetricSettings(fractions=FRACTIONS, bins=5, resamples=4000, seed=1, orders=0)
    others = {one.fold: one for one in OUTSIDE}
    expected = interval_table(FOLDS, others, wide).set_index("metric")
    exact = by_name(probes.measures(FOLDS, wide, OUTSIDE))
    for name, row in expected.iterrows():
        assert found.loc[name, "value"] == pytest.approx(row["value"], abs=1e-12)
        width = row["high"] - row["low"]
        for side in ("low", "high"):
            assert exact.loc[name, side] == pytest.approx(row[side], abs=0.1 * width)
        assert found.loc[name, "recordings"] == row["recordings"]
    metrics = pd.concat(supplementary_metrics(FOLDS, [], 5))
    ece = metrics.loc[metrics["metric"] == "ece_pooled", "value"].mean()
    assert found.loc["ece", "value"] == pytest.approx(ece)
    assert np.isnan(found.loc["ece", "low"])


def test_means_and_rank_correlation_by_hand():
    frame = probes.measures(FOLDS, SETTINGS, OUTSIDE)
    for one, other in zip(FOLDS, OUTSIDE, strict=True):
        found = by_name(frame, str(one.fold))["value"]
        for name in UNCERTAINTIES:
            assert found[f"mean_{name}"] == pytest.approx(getattr(one, name).mean())
            assert found[f"unknown_mean_{name}"] == pytest.approx(getattr(other, name).mean())
        pairs = zip(one.aleatoric, one.epistemic, strict=True)
        ranks = [spearmanr(*pair).statistic for pair in pairs]
        assert found["rank_correlation"] == pytest.approx(np.mean(ranks))


def test_every_setting_sees_the_same_resamples():
    again = [random_predictions(seed, fold=seed, strategy="drop") for seed in (1, 2, 3)]
    one, other = (probes.measures(folds, SETTINGS) for folds in (FOLDS, again))
    pd.testing.assert_frame_equal(one, other)


def test_det_has_no_rank_correlation():
    folds = [random_predictions(1, epistemic=np.zeros((3, 30)))]
    found = by_name(probes.measures(folds, SETTINGS))
    assert np.isnan(found.loc["rank_correlation", "value"])
    assert found.loc["mean_epistemic", "value"] == 0


@pytest.fixture
def put(tmp_path):
    def write(one, kind, suffix="", **changes):
        path = tmp_path / kind / f"flip/fold{one.fold}/fixed{suffix}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_predictions(one, path)
        return path

    return write


def test_robustness_has_a_row_a_condition_with_its_words(put, tmp_path):
    clean = [put(one, "predictions") for one in FOLDS]
    noisy = [
        put(random_predictions(9 + one.fold, fold=one.fold), "degraded", "__white_0")
        for one in FOLDS
    ]
    probes.robustness(clean, {Condition("white", 0): noisy}, SETTINGS, tmp_path / "r.parquet")
    found = pd.read_parquet(tmp_path / "r.parquet")
    about = found[["probe", "setting", "label", "amount"]].drop_duplicates()
    assert about.iloc[1].tolist() == ["white", "white_0", "White noise, 0 dB", 0.0]
    assert about.iloc[0].tolist()[:3] == ["clean"] * 3
    one = found[(found["setting"] == "white_0") & (found["fold"] == "2")]
    right = random_predictions(11, fold=2)
    accuracy = (right.predicted == right.targets).mean()
    assert one.set_index("measure")["value"]["accuracy"] == pytest.approx(accuracy)


def test_of_clean_clips_the_replications_of_the_degraded_ones_count(put, tmp_path):
    clean = put(FOLDS[0], "predictions")
    once = probes._first(FOLDS[0], 1)
    conditions = {Condition("gain", 0): [put(once, "degraded", "__gain_0")]}
    probes.robustness([clean], conditions, SETTINGS, tmp_path / "r.parquet")
    found = pd.read_parquet(tmp_path / "r.parquet").set_index(["setting", "fold", "measure"])
    np.testing.assert_array_equal(found.loc["clean", "value"], found.loc["gain_0", "value"])


def test_a_network_without_replications_takes_none_from_the_others(tmp_path):
    paths = {}
    for kind in ("clean", "noisy"):
        for strategy, one in (("det", probes._first(FOLDS[0], 1)), ("drop", FOLDS[0])):
            path = tmp_path / kind / f"{strategy}/fold1/fixed.h5"
            path.parent.mkdir(parents=True)
            write_predictions(replace(one, strategy=strategy), path)
            paths.setdefault(kind, []).append(path)
    conditions = {Condition("gain", 0): paths["noisy"]}
    probes.robustness(paths["clean"], conditions, SETTINGS, tmp_path / "r.parquet")
    found = pd.read_parquet(tmp_path / "r.parquet")
    wide = found[found["strategy"] == "drop"].pivot(
        index=["fold", "measure"], columns="setting", values="value"
    )
    np.testing.assert_array_equal(wide["clean"], wide["gain_0"])


def test_other_clips_than_the_clean_ones_are_refused(put, tmp_path):
    clean, other = put(FOLDS[0], "predictions"), put(random_predictions(1, clips=20), "degraded")
    with pytest.raises(UserError, match="scores other clips"):
        probes.robustness([clean], {Condition("gain", -6): [other]}, SETTINGS, tmp_path / "r.pq")


def test_probes_of_learning_and_of_unknown_classes(put, tmp_path):
    own = [put(one, "predictions") for one in FOLDS]
    less = [put(random_predictions(20 + one.fold, fold=one.fold), "less") for one in FOLDS]
    unknown = [put(other, "unknown") for other in OUTSIDE]
    learning = [*((path, "", 1.0) for path in own), *((path, "half/1", 0.5) for path in less)]
    pairs = [(path, other, "hidden/1") for path, other in zip(own, unknown, strict=True)]
    probes.probes(learning, pairs, SETTINGS, tmp_path / "p.parquet")
    found = pd.read_parquet(tmp_path / "p.parquet")
    curve = found[(found["probe"] == "train_fraction") & (found["fold"] == "all")]
    assert curve["amount"].unique().tolist() == [0.5, 1.0]
    assert curve["network"].unique().tolist() == ["half/1", ""]
    hidden = found[(found["probe"] == "unknown_classes") & (found["fold"] == "all")]
    values = hidden.set_index(["setting", "measure"])["value"]
    assert values["unknown", "mean_total"] == pytest.approx(
        np.mean([one.total.mean() for one in OUTSIDE])
    )
    assert values["known", "mean_total"] == pytest.approx(
        np.mean([one.total.mean() for one in FOLDS])
    )
    assert ("unknown", "auroc_epistemic") in values.index
    assert ("unknown", "accuracy") not in values.index

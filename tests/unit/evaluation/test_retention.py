"""Retention curves against sorting by hand and sklearn, and the parquet files made of them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score

from vipann.errors import UserError
from vipann.evaluation.metrics import MetricSettings
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, write_predictions
from vipann.evaluation.ranking import macro_average_precision
from vipann.evaluation.retention import (
    RANDOM,
    map_retention_curves,
    random_order_curves,
    retained_counts,
    retention_curve,
    retention_table,
    uncertainty_table,
)
from vipann.evaluation.summarise import summarise
from vipann.papers.vi_pann.tables import table4

STEPS = [point / 20 for point in range(1, 21)]
SETTINGS = MetricSettings(STEPS, bins=5, resamples=10, seed=1, orders=200)
FILES = ("metrics", "retention", "uncertainty")
CLIPS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(bool, n), arrays(np.float32, n, elements=st.sampled_from([0, 0.25, 0.5, 1, 2, 3]))
    )
)


def plant(strategy="flip", phase="fixed", fold=1, clips=30, replications=4, seed=0, **changes):
    rng = np.random.default_rng([seed, fold])
    fields = {
        "mean_probability": rng.dirichlet(np.ones(3), (replications, clips)),
        **{name: rng.random((replications, clips)) for name in UNCERTAINTIES},
        "labels": np.eye(3, dtype=np.uint8)[rng.integers(0, 3, clips)],
        "clip_id": np.array([f"{fold}-{index}" for index in range(clips)]),
        "clip_seconds": 5.0,
        "recording": np.array([f"{fold}-{index // 2}" for index in range(clips)]),
        "task": "multiclass",
        "dataset": "scenes",
        "scored_dataset": "scenes",
        "strategy": strategy,
        "phase": phase,
        "fold": fold,
        "mc_samples": 2,
        "seed": 1,
        "classes": ("a", "b", "c"),
    }
    return Predictions(**{**fields, **changes})


@pytest.mark.parametrize("clips", [1, 3, 20, 97, 400])
def test_counts_are_exact_ceilings(clips):
    exact = [-(-Fraction(point, 20) * clips // 1) for point in range(1, 21)]
    assert retained_counts(clips, STEPS).tolist() == exact


@pytest.mark.parametrize("wrong", [[0.0, 1.0], [0.5, 1.2], [-0.1]])
def test_fractions_outside_of_their_range_are_refused(wrong):
    with pytest.raises(UserError, match="fractions"):
        retention_curve(np.ones(4), np.arange(4.0), wrong)


def test_points_of_a_curve_by_hand():
    right = np.array([1, 0, 1, 1, 0])
    uncertainty = np.array([0.1, 0.5, 0.2, 0.3, 0.4])
    found = retention_curve(right, uncertainty, [0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(found, [1, 1, 1, 3 / 4, 3 / 5])


def test_ties_take_the_expected_value():
    right = np.array([1, 1, 0, 0])
    found = retention_curve(right, np.array([0.0, 1.0, 1.0, 1.0]), [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(found, [1, (1 + 1 / 3) / 2, (1 + 2 / 3) / 3, 0.5])


@given(clips=CLIPS)
def test_everything_retained_is_the_overall_accuracy(clips):
    right, uncertainty = clips
    assert retention_curve(right, uncertainty, [1.0])[0] == pytest.approx(right.mean())


@given(clips=CLIPS, seed=st.integers(0, 1000))
def test_the_order_of_clips_has_no_influence(clips, seed):
    right, uncertainty = clips
    order = np.random.default_rng(seed).permutation(len(right))
    np.testing.assert_array_equal(
        retention_curve(right, uncertainty, STEPS),
        retention_curve(right[order], uncertainty[order], STEPS),
    )


@given(right=arrays(bool, st.integers(1, 60)))
def test_a_perfect_uncertainty_makes_a_falling_curve_from_one(right):
    uncertainty = np.where(right, 0.0, 1.0) + np.linspace(0, 0.5, len(right))
    found = retention_curve(right, uncertainty, STEPS)
    assert (np.diff(found) <= 1e-12).all()
    # As long as no wrong clip has to be retained, every retained one is right.
    counts = np.ceil(np.round(np.array(STEPS) * len(right), 9))
    np.testing.assert_allclose(found, np.minimum(1, right.sum() / counts))


@pytest.mark.parametrize("seed", range(4))
def test_map_curves_agree_with_sklearn_on_each_subset(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random((60, 5)) < 0.2).astype(np.uint8)
    labels[:, 4] = 0
    score = np.round(rng.random((60, 5)), 1)
    uncertainties = [rng.random(60), np.round(rng.random(60), 1)]
    found = map_retention_curves(labels, score, uncertainties, STEPS)
    for row, uncertainty in zip(found, uncertainties, strict=True):
        for value, count in zip(row, retained_counts(60, STEPS), strict=True):
            kept = uncertainty <= np.sort(uncertainty)[count - 1]
            classes = labels[kept].any(axis=0)
            if not classes.any():
                assert np.isnan(value)
                continue
            expected = average_precision_score(labels[kept][:, classes], score[kept][:, classes])
            assert value == pytest.approx(expected)


@pytest.mark.parametrize("points", [3, 300])
def test_the_first_clips_of_random_orders_have_sklearns_map(points):
    """Also with more points than a byte counts, and clips that no point retains."""
    rng = np.random.default_rng(points)
    labels = (rng.random((400, 6)) < [0.5, 0.1, 0.02, 0.01, 0.003, 0.0]).astype(np.uint8)
    score = np.round(rng.random((400, 6)).astype(np.float32), 2)
    orders = np.array([rng.permutation(400) for _ in range(5)])
    counts = np.sort(rng.choice(np.arange(1, 390), points, replace=False))
    entries = np.searchsorted(counts, orders, side="right")
    found = macro_average_precision(labels, score, entries, points)
    for row, order in zip(found, orders, strict=True):
        for value, count in list(zip(row, counts, strict=True))[:: max(1, points // 20)]:
            kept = order < count
            there = np.flatnonzero(labels[kept].any(axis=0))
            each = [average_precision_score(labels[kept, c], score[kept, c]) for c in there]
            assert value == pytest.approx(np.mean(each) if each else np.nan, nan_ok=True)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_map_curves_do_not_depend_on_the_order_of_clips(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random((25, 3)) < 0.3).astype(np.uint8)
    score, uncertainty = np.round(rng.random((25, 3)), 1), np.round(rng.random(25), 1)
    order = rng.permutation(25)
    np.testing.assert_allclose(
        map_retention_curves(labels, score, [uncertainty], STEPS),
        map_retention_curves(labels[order], score[order], [uncertainty[order]], STEPS),
    )


def test_the_table_has_a_curve_of_each_folds_own_clips():
    folds = [plant(fold=fold, clips=10 * fold) for fold in (1, 2, 3)]
    table = retention_table(folds[::-1], STEPS, 5)
    assert len(table) == 3 * 4 * 3 * 20
    assert set(table["score"]) == {"accuracy"}
    values = table.set_index(["fold", "replication", "uncertainty", "retained_fraction"])["value"]
    for one in folds:
        best = one.mean_probability.argmax(2) == one.labels.argmax(1)
        for replication in range(4):
            for name in UNCERTAINTIES:
                order = np.argsort(getattr(one, name)[replication])
                hits = best[replication][order]
                for point in (1, 7, 20):
                    kept = -(-point * len(hits) // 20)
                    found = values[one.fold, replication, name, point / 20]
                    assert found == pytest.approx(hits[:kept].mean())


def test_with_everything_retained_the_mean_over_folds_is_table_4s_accuracy(tmp_path):
    own = []
    for fold, clips in ((1, 7), (2, 30)):
        own.append(tmp_path / f"{fold}.h5")
        write_predictions(plant(fold=fold, clips=clips), own[-1])
    written = {name: tmp_path / f"{name}.parquet" for name in FILES}
    summarise(own, [], SETTINGS, written)
    (accuracy,) = table4.table({"metrics": [written["metrics"]]}, {}, {}).frame["ours"]
    retention = pd.read_parquet(written["retention"])
    everything = retention[retention["retained_fraction"] == 1]
    for _, values in everything.groupby("uncertainty"):
        assert values.groupby("fold")["value"].mean().mean() == pytest.approx(accuracy)


def test_a_multilabel_table_scores_map():
    labels = (np.random.default_rng(5).random((30, 3)) < 0.4).astype(np.uint8)
    one = plant(task="multilabel", labels=labels, phase="pretrained", fold=0)
    table = retention_table([one], [0.5, 1.0], 5)
    assert set(table["score"]) == {"mAP"}
    table = table[table["uncertainty"] != RANDOM]
    everything = table[table["retained_fraction"] == 1].groupby("replication")["value"].unique()
    for replication in range(4):
        expected = average_precision_score(labels, one.mean_probability[replication])
        np.testing.assert_allclose(everything[replication], expected)


def multilabel(clips=80, **others):
    labels = (np.random.default_rng(6).random((clips, 3)) < 0.15).astype(np.uint8)
    return plant(task="multilabel", labels=labels, clips=clips, phase="pretrained", **others)


def test_random_orders_have_the_maps_of_random_subsets():
    one = multilabel()
    table = retention_table([one], [0.25, 1.0], 200)
    curves = table[table["uncertainty"] == RANDOM].pivot(
        index="replication", columns="retained_fraction", values="value"
    )
    score = one.mean_probability[0]
    everything = average_precision_score(one.labels, score)
    np.testing.assert_allclose(curves[1.0], everything)
    rng, subsets = np.random.default_rng(0), []
    for _ in range(400):
        kept = rng.choice(80, 20, replace=False)
        there = one.labels[kept].any(axis=0)
        subsets.append(average_precision_score(one.labels[kept][:, there], score[kept][:, there]))
    error = np.std(subsets) * np.sqrt(1 / 400 + 1 / len(curves))
    assert abs(curves[0.25].mean() - np.mean(subsets)) < 4 * error
    # The score of fewer clips is higher by itself: what the orders are there to tell.
    assert curves[0.25].mean() > everything + 0.05


def test_random_orders_are_each_networks_own_and_drawn_again_alike():
    one, again, other = (random_order_curves(multilabel(fold=f), [0.25], 200) for f in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert len(np.unique(one)) > 100
    assert not np.array_equal(one, other)


def test_of_random_orders_every_gain_is_kept_and_the_mean_curve(tmp_path):
    own = tmp_path / "flip.h5"
    write_predictions(multilabel(fold=0), own)
    written = {name: tmp_path / f"{name}.parquet" for name in FILES}
    summarise([own], [], replace(SETTINGS, orders=300), written)
    curves = random_order_curves(multilabel(fold=0), STEPS, 300)
    metrics, retention = (pd.read_parquet(written[name]) for name in FILES[:2])
    gains = metrics[metrics["metric"] == "retention_gain_random"].set_index("replication")["value"]
    assert gains.index.tolist() == list(range(300))
    np.testing.assert_allclose(gains, np.nanmean(curves, axis=1) - curves[:, -1])
    kept = retention[retention["uncertainty"] == RANDOM]
    assert set(kept["replication"]) == {0}
    mean = kept.set_index("retained_fraction")["value"]
    np.testing.assert_allclose(mean.loc[STEPS], np.nanmean(curves, axis=0))


def test_a_network_without_a_claim_on_its_order_has_fewer_orders():
    table = retention_table([multilabel(strategy="det", replications=1)], [0.5, 1.0], 1000)
    assert table.loc[table["uncertainty"] == RANDOM, "replication"].nunique() == 200


def test_folds_that_do_not_belong_together_are_refused():
    with pytest.raises(UserError, match=r"scenes/flip/fixed.*twice"):
        retention_table([plant(), plant()], STEPS, 5)
    with pytest.raises(UserError, match=r"scenes/flip/fixed.*replications"):
        retention_table([plant(), plant(fold=2, replications=5)], STEPS, 5)


def test_uncertainties_are_averaged_over_replications_for_each_clip():
    one = plant(clips=6)
    table = uncertainty_table([one]).set_index(["uncertainty", "clip_id"])["value"]
    for name in UNCERTAINTIES:
        for index, clip in enumerate(one.clip_id):
            assert table[name, clip] == pytest.approx(np.mean(getattr(one, name)[:, index]))


def write_run(folder):
    """Two strategies, two folds, and one out-of-distribution file; returns their paths."""
    own = []
    for strategy in ("flip", "det"):
        for fold in (1, 2):
            own.append(folder / f"{strategy}{fold}.h5")
            count = 4 if strategy == "flip" else 1
            write_predictions(plant(strategy, fold=fold, replications=count), own[-1])
    ood = folder / "ood.h5"
    nothing = np.zeros((30, 0), np.uint8)
    write_predictions(plant(labels=nothing, scored_dataset="ships", seed=9), ood)
    return own, [ood]


def test_summarise_writes_the_three_files_for_any_order_of_paths(tmp_path):
    own, ood = write_run(tmp_path)
    first, second = ({n: tmp_path / run / f"{n}.parquet" for n in FILES} for run in "ab")
    summarise(own, ood, SETTINGS, first)
    summarise(own[::-1], ood, SETTINGS, second)
    metrics, retention, uncertainty = map(pd.read_parquet, first.values())
    assert len(metrics[metrics["metric"] == "accuracy"]) == 2 * 4 + 2 * 1
    assert len(retention) == 2 * (4 + 1) * 3 * 20
    assert len(uncertainty) == (4 * 30 + 30) * 3
    assert set(retention["strategy"]) == {"flip", "det"}
    assert set(uncertainty["scored_dataset"]) == {"scenes", "ships"}
    for name in FILES:
        frames = [pd.read_parquet(paths[name]) for paths in (first, second)]
        columns = list(frames[0].columns)
        one_way, other_way = (f.sort_values(columns, ignore_index=True) for f in frames)
        pd.testing.assert_frame_equal(one_way, other_way)


def test_summarise_names_a_broken_file_and_leaves_nothing_behind(tmp_path):
    own, ood = write_run(tmp_path)
    outputs = {name: tmp_path / "out" / f"{name}.parquet" for name in FILES}
    ood[0].write_bytes(ood[0].read_bytes()[:700])
    with pytest.raises(UserError, match=r"ood\.h5"):
        summarise(own, ood, SETTINGS, outputs)
    assert not any(path.exists() for path in outputs.values())
    with pytest.raises(UserError, match="no predictions"):
        summarise([], [], SETTINGS, outputs)

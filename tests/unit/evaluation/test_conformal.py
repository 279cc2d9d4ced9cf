"""Conformal sets against MAPIE's, by their finite-sample guarantee, and on planted predictions."""

import numpy as np
import pandas as pd
import pytest
from dummies import labels_of, random_predictions
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import APSConformityScore, RAPSConformityScore
from mapie.risk_control import MultiLabelClassificationController
from scipy.special import softmax
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression

from vipann.errors import UserError
from vipann.evaluation.conformal import (
    SCORES,
    false_negative_thresholds,
    least_clips,
    nonconformity,
    threshold_rank,
    thresholds,
)
from vipann.evaluation.conformal_sets import (
    COLUMNS,
    SetSettings,
    conformal_table,
    count_sets,
    refuse_few_recordings,
    write_recordings,
)
from vipann.evaluation.splits import random_halves
from vipann.seeds import derive_seed

ALPHAS = [0.05, 0.1, 0.3]


def drawn(rng, clips, classes=5, spread=1.5):
    """Probabilities of a network that is somewhat wrong, and the classes of its clips."""
    logits = rng.normal(0, spread, (clips, classes))
    targets = (softmax(0.8 * logits, axis=1).cumsum(axis=1) < rng.random((clips, 1))).sum(axis=1)
    return softmax(logits, axis=1), np.minimum(targets, classes - 1)


class Given(LogisticRegression):
    """A classifier that says what it is given."""

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


def mapie_sets(calibration, targets, new, score, **params):
    classes = calibration.shape[1]
    start = Given().fit(np.eye(classes), np.arange(classes))
    levels = [1 - alpha for alpha in ALPHAS]
    model = SplitConformalClassifier(start, levels, score, prefit=True, random_state=3)
    model.conformalize(calibration, targets)
    return model, model.predict_set(new, conformity_score_params=params)[1]


def test_lac_sets_are_mapies():
    rng = np.random.default_rng(0)
    (p, targets), (new, _) = drawn(rng, 150), drawn(rng, 80)
    model, sets = mapie_sets(p, targets, new, "lac")
    true = nonconformity(p, "lac", np.zeros(150))[np.arange(150), targets]
    for place, alpha in enumerate(ALPHAS):
        (found,) = thresholds(true, np.ones((1, 150), bool), alpha)
        assert found == pytest.approx(model._mapie_classifier.quantiles_[place])
        mine = nonconformity(new, "lac", np.zeros(80)) <= found
        np.testing.assert_array_equal(mine, sets[:, :, place])


def test_aps_thresholds_are_mapies_with_its_draws():
    rng = np.random.default_rng(1)
    (p, targets), (new, _) = drawn(rng, 150), drawn(rng, 4000)
    model, sets = mapie_sets(p, targets, new, APSConformityScore(), include_last_label="randomized")
    # Its draws are taken off the sum up to the class, ours added to the sum above it.
    uniform = 1 - np.random.RandomState(3).uniform(size=150)
    true = nonconformity(p, "aps", uniform)[np.arange(150), targets]
    for place, alpha in enumerate(ALPHAS):
        (found,) = thresholds(true, np.ones((1, 150), bool), alpha)
        assert found == pytest.approx(model._mapie_classifier.quantiles_[place])
        mine = nonconformity(new, "aps", rng.random(4000)) <= found
        # Other draws for new clips: sizes agree on average.
        assert mine.sum(1).mean() == pytest.approx(sets[:, :, place].sum(1).mean(), abs=0.05)


def test_raps_is_aps_with_mapies_penalty():
    p, targets = drawn(np.random.default_rng(2), 60)
    uniform = np.random.default_rng(3).random(60)
    sums, ranks = APSConformityScore.get_true_label_cumsum_proba(targets, p, np.arange(5))
    plain = sums - (1 - uniform)[:, None] * p[np.arange(60), targets][:, None]
    theirs = RAPSConformityScore._regularize_conformity_score(np.array([2]), 0.1, plain, ranks)
    mine = nonconformity(p, "raps", uniform, 0.1, 2)[np.arange(60), targets]
    np.testing.assert_allclose(mine, theirs[:, 0, 0])


@pytest.mark.parametrize("score", SCORES)
def test_coverage_is_what_the_number_of_clips_promises(score):
    """Exactly k / (n + 1) where no two nonconformities tie: here within four binomial errors."""
    rng, n, alpha, trials = np.random.default_rng(4), 23, 0.1, 4000
    p, targets = drawn(rng, (n + 1) * trials)
    found = nonconformity(p, score, rng.random(len(p)), 0.1, 1)
    true = found[np.arange(len(p)), targets].reshape(trials, n + 1)
    each = np.arange(n + 1) < n
    got = np.array([thresholds(one, each[None], alpha)[0] for one in true])
    promised = threshold_rank(n, alpha) / (n + 1)
    assert 1 - alpha <= promised <= 1 - alpha + 1 / (n + 1)
    error = np.sqrt(promised * (1 - promised) / trials)
    assert abs((true[:, n] <= got).mean() - promised) < 4 * error


def test_the_coverage_of_a_calibration_set_is_beta_distributed():
    rng, n, alpha = np.random.default_rng(5), 40, 0.2
    p, targets = drawn(rng, 8000)
    true = nonconformity(p, "aps", rng.random(len(p)))[np.arange(len(p)), targets]
    calibration = np.zeros((300, len(p)), bool)
    for row in calibration:
        row[rng.choice(len(p), n, replace=False)] = True
    covered = (true <= thresholds(true, calibration, alpha)[:, None]).mean(axis=1)
    k = threshold_rank(n, alpha)
    law = beta(k, n + 1 - k)
    assert covered.mean() == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(300))
    assert covered.std() == pytest.approx(law.std(), rel=0.15)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.02, 0.5))
def test_thresholds_of_many_splits_are_those_of_each(seed, alpha):
    rng = np.random.default_rng(seed)
    true = np.round(rng.random(30), 1)
    splits = rng.random((7, 30)) < 0.5
    for found, split in zip(thresholds(true, splits, alpha), splits, strict=True):
        own = np.sort(true[split])
        k = threshold_rank(len(own), alpha)
        assert found == (own[k - 1] if k <= len(own) else np.inf)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5])
def test_with_one_clip_less_than_needed_nothing_covers(alpha):
    needed = least_clips(alpha)
    assert threshold_rank(needed, alpha) <= needed
    assert threshold_rank(needed - 1, alpha) > needed - 1


def several_labels(rng, clips, classes=6):
    p = rng.beta(0.6, 1.5, (clips, classes))
    return (rng.random(p.shape) < p**1.3).astype(np.uint8), p


def test_the_controlled_threshold_is_mapies_on_its_grid():
    rng = np.random.default_rng(6)
    labels, p = several_labels(rng, 80)
    labels[:, 0] = 1  # A clip without labels is NaN to MAPIE.
    grid = np.linspace(0, 1, 81)[:-1]
    for alpha in ALPHAS:
        model = MultiLabelClassificationController(
            lambda x: x, method="crc", target_level=1 - alpha, predict_params=grid
        )
        model.calibrate(p, labels)
        (found,) = false_negative_thresholds(labels, p, np.ones((1, 80), bool), alpha)
        theirs = float(np.ravel(model.best_predict_param)[0])
        # MAPIE keeps what is above a threshold, and takes the best of its grid.
        assert theirs <= found <= theirs + 2 / 80


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.05, 0.6))
def test_no_larger_threshold_controls_the_rate(seed, alpha):
    rng = np.random.default_rng(seed)
    labels, p = several_labels(rng, 40)
    p = np.round(p, 1)
    splits = rng.random((5, 40)) < 0.6
    for t, split in zip(false_negative_thresholds(labels, p, splits, alpha), splits, strict=True):
        own, there, n = p[split], labels[split], split.sum()

        def bound(threshold, own=own, there=there, n=n):
            missed = ((own < threshold) & (there > 0)).sum(1) / np.maximum(there.sum(1), 1)
            return (missed.sum() + 1) / (n + 1)

        assert bound(t) <= alpha + 1e-9 or t == 0
        assert t == np.inf or bound(np.nextafter(t, 2)) > alpha - 1e-9


def test_the_false_negative_rate_of_new_clips_is_controlled():
    rng, n, alpha, trials = np.random.default_rng(7), 30, 0.2, 2000
    labels, p = several_labels(rng, (n + 1) * trials, 4)
    rates = []
    for index in range(trials):
        rows = slice(index * (n + 1), (index + 1) * (n + 1))
        each = (np.arange(n + 1) < n)[None]
        (t,) = false_negative_thresholds(labels[rows], p[rows], each, alpha)
        there, said = labels[rows][n] > 0, p[rows][n] >= t
        rates.append((there & ~said).sum() / max(there.sum(), 1))
    # At most alpha, and no less than alpha - 2 / (n + 1) (Angelopoulos et al. 2022, theorem 2).
    error = 4 * np.std(rates) / np.sqrt(trials)
    assert alpha - 2 / (n + 1) - error < np.mean(rates) < alpha + error


def fold_of(seed, fold, clips=200, alike=2, **changes):
    p, targets = drawn(np.random.default_rng(seed), clips)
    fields = {
        "mean_probability": np.stack([p, p]).astype(np.float32),
        "labels": labels_of(targets, 5),
        "recording": np.array([f"{fold}/{index // alike}" for index in range(clips)]),
        "fold": fold,
    }
    return random_predictions(seed, clips, 5, 2, **fields | changes)


SETTINGS = SetSettings([0.1], splits=40, penalty=0.1, free=1, resamples=100, seed=9)


def test_sets_are_counted_on_the_halves_that_do_not_calibrate():
    one = fold_of(0, 1)
    counted = count_sets(one, "lac", 0.1, SETTINGS)
    p, targets = one.mean_probability[0].astype(float), one.targets
    # The same splits, one after the other and by the definition.
    halves = _halves(one)
    covered = np.full((40, 200), np.nan)
    for split, half in enumerate(halves):
        own = np.sort(1 - p[half, targets[half]])
        threshold = own[int(np.ceil(101 * 0.9)) - 1]
        covered[split, ~half] = 1 - p[~half, targets[~half]] <= threshold
    np.testing.assert_allclose(counted.by_clip["coverage"], np.nanmean(covered, axis=0))
    np.testing.assert_allclose(counted.by_split["coverage"], np.nanmean(covered, axis=1))
    assert counted.expected == pytest.approx(91 / 101)


def _halves(one):
    rng = np.random.default_rng(derive_seed(9, "conformal", "own", one.fold))
    return random_halves(one.recording, 40, rng)


def test_the_table_has_each_fold_all_folds_and_each_class():
    folds = [fold_of(seed, seed) for seed in (1, 2, 3)]
    frame = conformal_table(folds, SETTINGS)
    assert list(frame.columns) == COLUMNS
    every = frame[frame["class"] == "all"].set_index(["score", "fold", "metric"])["value"]
    for score in SCORES:
        promised = every[score, "all", "expected_coverage"]
        slack = 4 * np.sqrt(0.09 / 300)
        assert every[score, "all", "coverage"] == pytest.approx(promised, abs=slack)
        mean = np.mean([every[score, str(k), "coverage"] for k in (1, 2, 3)])
        assert every[score, "all", "coverage"] == pytest.approx(mean)
        assert every[score, "all", "empty"] + every[score, "all", "single"] <= 1
    assert every["lac", "all", "size"] <= every["aps", "all", "size"]
    classes = frame[(frame["class"] != "all") & (frame["metric"] == "coverage")]
    assert set(classes["fold"]) == {"all"}
    counts = np.bincount(np.concatenate([one.targets for one in folds]), minlength=5)
    lac = classes[classes["score"] == "lac"].set_index("class")["value"]
    weighted = sum(lac[f"class{k}"] * counts[k] for k in range(5)) / counts.sum()
    assert every["lac", "all", "coverage"] == pytest.approx(weighted)
    bounded = frame[(frame["class"] == "all") & (frame["metric"] == "coverage")]
    assert (bounded["low"] < bounded["value"]).all()
    assert (bounded["split_high"] > bounded["value"]).all()
    assert set(frame["recordings"][frame["fold"] == "all"]) >= {300}


def test_sets_of_several_labels_miss_no_more_than_asked():
    rng = np.random.default_rng(8)
    labels, p = several_labels(rng, 400)
    zeros = {name: np.zeros((1, 400)) for name in ("total", "aleatoric", "epistemic")}
    one = random_predictions(
        clips=400,
        classes=6,
        task="multilabel",
        labels=labels,
        mean_probability=p[None].astype(np.float32),
        recording=np.arange(400).astype(str),
        fold=0,
        **zeros,
    )
    frame = conformal_table([one], SETTINGS).set_index("metric")
    assert set(frame["score"]) == {"risk_control"}
    assert frame.loc["false_negative_rate", "value"] == pytest.approx(0.1, abs=0.02)
    assert frame.loc["size", "low"] < frame.loc["size", "value"] < 6


def test_too_few_recordings_to_calibrate_on_name_key_and_number():
    conformal_table([fold_of(0, 2, clips=36, alike=2)], SETTINGS)
    message = (
        r"uncertainty\.conformal\.alpha: 0\.1 needs 9 recordings .* fold 2 are 8\. Set .* 0\.12 or"
    )
    with pytest.raises(UserError, match=message):
        conformal_table([fold_of(0, 2, clips=34, alike=2)], SETTINGS)
    # What is said to be enough is.
    refuse_few_recordings("it", 17, [0.12])


def test_a_manifest_with_too_few_recordings_is_refused_before_training(tmp_path):
    recordings = [f"{k}/{index // 2}" for k in (1, 2) for index in range(40)]
    clips = {"fold": [1] * 40 + [2] * 40, "split": "eval", "recording": recordings}
    manifest, out = tmp_path / "own.parquet", tmp_path / "own.csv"
    pd.DataFrame(clips).to_parquet(manifest)
    write_recordings(manifest, "own", [1, 2], [0.1], out)
    assert pd.read_csv(out)["recordings"].to_list() == [20, 20]
    write_recordings(manifest, "own", [], [0.05], out)
    with pytest.raises(UserError, match=r"0\.05 needs 19 recordings .* of own's fold 1 are 10"):
        write_recordings(manifest, "own", [1, 2], [0.1, 0.05], out)


def test_the_result_is_the_same_whatever_the_order_of_recordings_names():
    """Splits follow the recordings' names, not the order of clips."""
    one = fold_of(4, 1)
    order = np.random.default_rng(0).permutation(200)
    names = ("labels", "clip_id", "recording")
    mixed = {name: getattr(one, name)[order] for name in names}
    repeated = ("mean_probability", "total", "aleatoric", "epistemic")
    mixed |= {name: getattr(one, name)[:, order] for name in repeated}
    other = random_predictions(4, 200, 5, 2, fold=1, **mixed)
    own, theirs = (count_sets(each, "lac", 0.1, SETTINGS) for each in (one, other))
    np.testing.assert_allclose(own.by_clip["size"][order], theirs.by_clip["size"])

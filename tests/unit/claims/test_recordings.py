"""Tests on out-of-distribution clips, whose windows are alike: they keep their level."""

import numpy as np
import pandas as pd
import pytest

from vipann.claims.evidence import RunView
from vipann.evaluation.retention import UNCERTAINTY_COLUMNS

MODEL = ("flip", "pretrained")


def view(rng, alike, folds=(0,), recordings=12, windows=5, spread=1.0):
    """Own clips of 100 recordings, others of 12; of equal mean, `alike` is the share of variance
    that clips of one recording have in common."""
    rows = []
    common = rng.normal(size=recordings)
    for fold in folds:
        for i, value in enumerate(rng.normal(size=100)):
            name = f"own{fold}-{i}"
            rows.append(("own", "own", *MODEL, fold, name, name, "total", value))
        each = np.sqrt(alike) * common[:, None]
        each = each + np.sqrt(1 - alike) * rng.normal(size=(recordings, windows))
        for (i, j), value in np.ndenumerate(spread * each):
            name = f"ship{i}"
            rows.append(("own", "ships", *MODEL, fold, f"{name}#{j}", name, "total", value))
    clips = pd.DataFrame(rows, columns=UNCERTAINTY_COLUMNS)
    nothing = pd.DataFrame()
    return RunView("own", None, max(len(folds) - 1, 0), nothing, nothing, clips)


@pytest.mark.parametrize("alike", [0.3, 0.95])
@pytest.mark.parametrize("folds", [(0,), (1, 2, 3, 4, 5)])
def test_equals_differ_no_more_often_than_the_level_says(alike, folds):
    rng = np.random.default_rng(1)
    found = [view(rng, alike, folds).shift(MODEL, "total").p < 0.05 for _ in range(300)]
    assert np.mean(found) < 0.08


def test_clips_for_recordings_would_find_differences_between_equals():
    """What the test above is there for: without recordings it fails."""
    rng = np.random.default_rng(1)
    views = [view(rng, 0.95) for _ in range(200)]
    for one in views:
        one.uncertainty["recording"] = one.uncertainty["clip_id"]
    assert np.mean([one.shift(MODEL, "total").p < 0.05 for one in views]) > 0.15


def test_a_wider_spread_is_found_and_an_equal_one_is_not():
    rng = np.random.default_rng(2)
    wide = [view(rng, 0.5, recordings=30, spread=3.0).wider(MODEL, "total").p for _ in range(20)]
    equal = [view(rng, 0.5, recordings=30).wider(MODEL, "total").p for _ in range(200)]
    assert np.mean(np.array(wide) < 0.05) > 0.9
    assert np.mean(np.array(equal) < 0.05) < 0.1


def test_few_recordings_are_not_tested():
    one = view(np.random.default_rng(0), 0.5, recordings=4)
    assert one.shift(MODEL, "total").p is None
    assert "4 recordings" in one.shift(MODEL, "total").method

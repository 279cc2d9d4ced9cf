"""Counts an hour and a day: of windows that do not overlap, by what their scores are worth."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from season_harness import CLASSES, held_out_table, windows_table

from vipann.survey.calibrated import applied, fit_platt
from vipann.survey.counts import Tally, apart
from vipann.survey.held_out import held_out_of

UTC = ZoneInfo("UTC")
SLOPE, OFFSET = 0.5, -1.0


def scored(recording, start, whale, seconds=2.0):
    whale = np.asarray(whale)
    return windows_table(recording, start, np.stack([1 - whale, whale], 1), seconds=seconds)


def known(clips, seed=0):
    """Clips whose whales are rarer than their scores say."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.7, 0.7, clips).astype(np.float32)
    whale = rng.random(clips) < applied(np.array([SLOPE, OFFSET]), score)
    table = held_out_table(
        np.stack([1 - score, score], 1),
        np.stack([~whale, whale], 1),
        [f"r{number // 4}" for number in range(clips)],
    )
    return held_out_of(table, "known")


KNOWN = known(400)


def counted(windows, starts, period="hour", clips=KNOWN, resamples=100):
    tally = Tally(CLASSES, np.array([0.5, 0.5]), period)
    tally.add(windows, starts)
    return tally.table(clips, resamples, 1)


def test_windows_that_overlap_count_once():
    windows = scored(list("aaaaab"), [0, 1, 2, 3, 4, 1], [0.5] * 6)
    assert apart(windows).tolist() == [True, False, True, False, True, True]


def test_the_count_is_the_sum_of_calibrated_scores():
    windows = scored(["a"] * 200, 2 * np.arange(200), np.linspace(0.02, 0.98, 200))
    clips = known(400)
    table = counted(windows, {"a": datetime(2023, 1, 15, tzinfo=UTC)}, clips=clips)
    row = table.set_index("class").loc["whale"]
    worth = applied(fit_platt(clips.probability[:, 1], clips.present[:, 1]), windows.iloc[:, 4])
    assert row["count"] == pytest.approx(worth.sum(), abs=0.3)
    assert row["detections"] == 100
    assert row["recorded_seconds"] == 400
    assert row["windows"] == 200


def test_the_interval_covers_the_windows_that_hold_the_class():
    rng, covered, detections = np.random.default_rng(1), 0, 0
    for number in range(25):
        score = rng.beta(0.7, 0.7, 150).astype(np.float32)
        truth = (rng.random(150) < applied(np.array([SLOPE, OFFSET]), score)).sum()
        windows = scored(["a"] * 150, 2 * np.arange(150), score)
        clips, start = known(400, 100 + number), {"a": datetime(2023, 1, 15, tzinfo=UTC)}
        row = counted(windows, start, clips=clips, resamples=60).set_index("class").loc["whale"]
        covered += row["low"] <= truth <= row["high"]
        detections += row["low"] <= row["detections"] <= row["high"]
    assert covered >= 21
    # A mere count above a threshold would be far off.
    assert detections < 4


def test_periods_are_those_of_the_zone_and_of_windows_not_of_files():
    zone = ZoneInfo("America/New_York")
    windows = scored(["a"] * 3 + ["b"], [0, 1800, 3600, 0], [0.9] * 4)
    starts = {name: datetime(2023, 1, 15, 23, 45, tzinfo=zone) for name in "ab"}
    hours = counted(windows, starts).drop_duplicates("start").set_index("start")
    assert hours["windows"].to_dict() == {"2023-01-15T23:00:00": 2, "2023-01-16T00:00:00": 2}
    days = counted(windows, starts, "day").drop_duplicates("start")
    assert days["start"].tolist() == ["2023-01-15T00:00:00", "2023-01-16T00:00:00"]


def test_shards_add_up_and_recordings_without_a_clock_are_left_out():
    windows = scored(["a"] * 30 + ["b"] * 30, [*range(0, 60, 2)] * 2, np.linspace(0, 1, 60))
    starts = dict.fromkeys("ab", datetime(2023, 1, 15, tzinfo=UTC))
    whole = counted(windows, starts)
    tally = Tally(CLASSES, np.array([0.5, 0.5]), "hour")
    for name in "ba":
        tally.add(windows[windows["recording"] == name], starts)
    pd.testing.assert_frame_equal(tally.table(known(400), 100, 1), whole)
    assert whole["windows"].tolist() == [60, 60]
    assert counted(windows, {"a": starts["a"]})["windows"].tolist() == [30, 30]
    assert counted(windows, {}).empty


def test_few_recordings_give_a_count_and_no_interval():
    windows = scored(["a"] * 5, 2 * np.arange(5), [0.9] * 5)
    row = counted(windows, {"a": datetime(2023, 1, 15, tzinfo=UTC)}, clips=known(16)).iloc[0]
    assert np.isfinite(row["count"])
    assert np.isnan([row["low"], row["high"]]).all()

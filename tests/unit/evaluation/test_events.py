"""Events of frames: thresholds, filters, gaps and durations, by hand and by their properties."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import medfilt
from scipy.stats import entropy

from vipann.evaluation.events import COLUMNS, Cutting, active_frames, events
from vipann.evaluation.frames import over_replications

PLAIN = Cutting(high=0.5, low=0.5, median_filter_s=0, merge_gap_s=0, min_duration_s=0)
NAMES = ("dog", "rain")


def cut(scores, cutting, frame_s=0.5):
    """The active frames of one class as text."""
    column = np.array(scores, dtype=float)[:, None]
    return "".join(".#"[int(one)] for one in active_frames(column, frame_s, cutting)[:, 0])


def stretches(text):
    """(first, end) of each run of "#", by splitting."""
    marked = [i for i, one in enumerate(text) if one == "#"]
    starts = [i for i in marked if i == 0 or text[i - 1] != "#"]
    ends = [i + 1 for i in marked if i + 1 == len(text) or text[i + 1] != "#"]
    return list(zip(starts, ends, strict=True))


def test_an_event_spreads_from_a_high_frame_over_low_ones():
    scores = [0.3, 0.4, 0.6, 0.3, 0.1, 0.3, 0.4, 0.3, 0.5]
    assert cut(scores, PLAIN) == "..#.....#"
    assert cut(scores, replace(PLAIN, low=0.3)) == "####.####"
    assert cut(scores, replace(PLAIN, low=0.4)) == ".##.....#"
    assert cut(scores[:-1], replace(PLAIN, low=0.3)) == "####...."


def test_gaps_are_closed_before_short_events_are_left_out():
    scores = [1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1]
    assert cut(scores, PLAIN) == "#.#..#...##"
    assert cut(scores, replace(PLAIN, merge_gap_s=0.5)) == "###..#...##"
    assert cut(scores, replace(PLAIN, merge_gap_s=1.0)) == "######...##"
    assert cut(scores, replace(PLAIN, min_duration_s=1.0)) == ".........##"
    assert cut(scores, replace(PLAIN, merge_gap_s=0.5, min_duration_s=1.2)) == "###........"
    assert cut([0, 1, 0], replace(PLAIN, merge_gap_s=5.0)) == ".#."


def test_the_median_filter_is_that_of_each_class_alone():
    rng = np.random.default_rng(3)
    scores = rng.random((50, 2))
    found = active_frames(scores, 0.1, replace(PLAIN, median_filter_s=0.5))
    # Away from the ends, where SciPy's signal module pads with zeros.
    expected = np.stack([medfilt(column, 5) for column in scores.T], axis=1) >= 0.5
    np.testing.assert_array_equal(found[2:-2], expected[2:-2])
    even = active_frames(scores, 0.1, replace(PLAIN, median_filter_s=0.4))
    np.testing.assert_array_equal(even, found)


scores_of_a_class = st.lists(st.floats(0, 1), min_size=1, max_size=40)
cuttings = st.builds(
    lambda high, share, gap, least: Cutting(high, high * share, 0, gap, least),
    st.floats(0.05, 1),
    st.floats(0.1, 1),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.5, 1.5]),
)


@given(scores_of_a_class, cuttings)
def test_events_hold_a_high_frame_last_long_enough_and_are_apart(scores, cutting):
    found = stretches(cut(scores, cutting))
    for start, end in found:
        assert max(scores[start:end]) >= cutting.high
        assert (end - start) * 0.5 >= cutting.min_duration_s
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(found)]
    if cutting.min_duration_s == 0:
        assert all(gap * 0.5 > cutting.merge_gap_s for gap in gaps)
        inside = {i for start, end in found for i in range(start, end)}
        assert {i for i, one in enumerate(scores) if one >= cutting.high} <= inside


@given(scores_of_a_class, st.floats(0.05, 1), st.floats(0.05, 1))
def test_lower_thresholds_keep_every_active_frame(scores, one, other):
    lower, higher = sorted((one, other))
    few = cut(scores, replace(PLAIN, high=higher, low=higher))
    many = cut(scores, replace(PLAIN, high=lower, low=lower))
    assert all(b == "#" for a, b in zip(few, many, strict=True) if a == "#")


def test_times_and_means_of_an_event():
    # 5 frames of 10 s; two replications of two classes, one of which is never heard.
    heard = np.array([[0.1, 0.7, 0.9, 0.2, 0.6], [0.1, 0.9, 0.7, 0.2, 0.6]])
    probability = np.stack([heard, np.full_like(heard, 0.1)], axis=2)
    epistemic = np.full_like(probability, 0.05)
    clip = over_replications("a", probability, epistemic)
    found = events([clip, replace(clip, clip_id="b")], NAMES, 10.0, PLAIN)
    assert found.columns.tolist() == COLUMNS
    assert found["clip_id"].tolist() == ["a", "a", "b", "b"]
    assert found["class"].unique().tolist() == ["dog"]
    assert found[["onset_s", "offset_s"]].to_numpy()[:2].tolist() == [[2.0, 6.0], [8.0, 10.0]]
    assert found["score"].tolist()[:2] == pytest.approx([0.8, 0.6])
    # By equations 6 to 8: what both replications hold, and what they differ by.
    each = entropy([heard, 1 - heard], axis=0) - 0.05
    whole = entropy([heard.mean(0), 1 - heard.mean(0)], axis=0)
    assert found["aleatoric"][0] == pytest.approx(each.mean(0)[1:3].mean())
    assert found["epistemic"][0] == pytest.approx((whole - each.mean(0))[1:3].mean())


def test_without_an_event_there_are_the_columns():
    clip = over_replications("a", np.zeros((1, 4, 2)), np.zeros((1, 4, 2)))
    found = events([clip], NAMES, 2.0, PLAIN)
    assert found.empty
    assert found.columns.tolist() == COLUMNS


def test_times_are_whole_where_frames_end_on_seconds():
    """31 frames of 10 s: no last bit may reach into the next segment."""
    clip = over_replications("a", np.ones((1, 31, 1)), np.zeros((1, 31, 1)))
    assert events([clip], ["x"], 10.0, PLAIN)["offset_s"].item() == 10.0

"""Segments and events against strong labels: by hand, and by an independent count."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.evaluation.localisation import Scoring, localisation

COLUMNS = ["clip_id", "class", "onset_s", "offset_s"]
CLASSES = ["a", "b", "c"]
SCORING = Scoring(segment_s=1.0, collar_s=0.2)


def frame(*rows):
    return pd.DataFrame(list(rows), columns=COLUMNS)


def scored(ours, truth, clips=("x", "y"), seconds=4.0, scoring=SCORING):
    found = localisation(ours, truth, clips, CLASSES, seconds, scoring)
    return found.set_index(["class", "metric"])["value"]


def test_segments_by_hand():
    """x: a in seconds 0 to 2 (ours 0 to 3), b of ours in 0 to 3; y: b in second 0, missed."""
    truth = frame(("x", "a", 0.5, 2.2), ("y", "b", 0.0, 1.0))
    ours = frame(("x", "a", 0.5, 3.2), ("x", "b", 0.5, 3.2))
    found = scored(ours, truth, ("x", "y", "silent"))
    # Of 4 active segments 3 are found; 8 of ours. Per second of x: 1 insertion, 1, 1 and 2.
    assert found["", "segment_precision"] == 3 / 8
    assert found["", "segment_recall"] == 3 / 4
    assert found["", "segment_f1"] == pytest.approx(2 * 3 / (8 + 4))
    assert found["", "segment_error_rate"] == pytest.approx((1 + 1 + 1 + 2 + 1) / 4)
    assert found["", "segment_false_positives"] == 5 / 4
    assert found["a", "segment_f1"] == pytest.approx(6 / 7)
    assert found["b", "segment_f1"] == 0
    assert ("c", "segment_f1") not in found.index
    assert found["", "segment_macro_f1"] == pytest.approx(3 / 7)


def test_a_substitution_is_one_error_and_two_of_f1():
    found = scored(frame(("x", "b", 0, 1)), frame(("x", "a", 0, 1)))
    assert found["", "segment_error_rate"] == pytest.approx(1.0)
    assert found["", "segment_false_positives"] == 1.0
    assert found["", "segment_f1"] == 0.0


@pytest.mark.parametrize(
    ("onset", "offset", "right"),
    [
        (1.0, 3.0, 1),
        (1.19, 3.0, 1),
        (1.21, 3.0, 0),
        (1.0, 3.39, 1),  # 20 % of 2 s
        (1.0, 3.41, 0),
    ],
)
def test_an_event_is_right_within_its_collar(onset, offset, right):
    found = scored(frame(("x", "a", onset, offset)), frame(("x", "a", 1.0, 3.0)))
    assert found["", "event_f1"] == right
    # An event of the right class elsewhere is one missed and one too many.
    assert found["", "event_error_rate"] == pytest.approx(2 * (1 - right))


def test_what_is_not_found_scores_nothing():
    truth = frame(("x", "a", 0, 1), ("y", "b", 0, 2))
    found = scored(truth[:0], truth)
    assert found["", "segment_f1"] == found["", "event_f1"] == 0
    assert np.isnan(found["", "segment_precision"])
    errors = [found["", f"{kind}_error_rate"] for kind in ("segment", "event")]
    assert errors == pytest.approx([1, 1])
    assert found["", "segment_false_positives"] == 0
    whole = scored(truth, truth)
    assert whole["", "segment_f1"] == whole["", "event_f1"] == whole["", "segment_macro_f1"] == 1
    assert whole["", "segment_error_rate"] == whole["", "event_error_rate"] == 0


tenths = st.integers(0, 39)
events = st.lists(
    st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(CLASSES), tenths, st.integers(1, 20)),
    max_size=6,
)


@settings(max_examples=40)
@given(events, events.filter(len))
def test_segments_are_those_of_an_independent_count(ours, truth):
    ours, truth = (
        frame(*((c, n, on / 10, min(on + length, 40) / 10) for c, n, on, length in rows))
        for rows in (ours, truth)
    )
    active = {}
    for name, rows in (("ours", ours), ("truth", truth)):
        roll = np.zeros((2, 4, 3), dtype=bool)
        for clip, label, onset, offset in rows.itertuples(index=False):
            for second in range(4):
                if onset < second + 1 - 1e-9 and offset > second + 1e-9:
                    roll["xy".index(clip), second, CLASSES.index(label)] = True
        active[name] = roll
    right, extra = active["ours"] & active["truth"], active["ours"] & ~active["truth"]
    missed = active["truth"] & ~active["ours"]
    found = scored(ours, truth)
    f1 = 2 * right.sum() / (active["ours"].sum() + active["truth"].sum())
    assert found["", "segment_f1"] == pytest.approx(f1)
    errors = np.maximum(extra.sum(axis=2), missed.sum(axis=2)).sum()
    assert found["", "segment_error_rate"] == pytest.approx(errors / active["truth"].sum())
    share = extra.sum() / active["truth"].sum()
    assert found["", "segment_false_positives"] == pytest.approx(share)

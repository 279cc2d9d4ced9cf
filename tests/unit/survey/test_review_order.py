"""Which windows come onto the review page, and what its random audit says of the networks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from season_harness import CLASSES, windows_table

from vipann.errors import UserError
from vipann.survey.acquisition import AUDIT, NEAR, Selection, Wanted
from vipann.survey.audit import audit_table
from vipann.survey.labelled import ANSWER
from vipann.survey.windows import probability_columns

LIMITS = np.array([np.inf, 0.7])


def season(windows=60, seconds=2.0, hop=2.0, seed=0):
    rng = np.random.default_rng(seed)
    whale = rng.random(windows)
    names = [f"r{number // 10}" for number in range(windows)]
    starts = hop * (np.arange(windows) % 10)
    table = windows_table(names, starts, np.stack([1 - whale, whale], 1), seconds=seconds)
    measures = rng.random((windows, 4)).astype(np.float32)
    table[["total", "aleatoric", "epistemic", "ood"]] = measures
    return table


def chosen(windows, wanted, parts=1, seed=1):
    selection = Selection(wanted, CLASSES, LIMITS, seed)
    names = sorted(windows["recording"].unique())
    for part in range(parts):
        mine = windows["recording"].isin(names[part::parts])
        selection.add(windows[mine].reset_index(drop=True))
    return selection.chosen()


@pytest.mark.parametrize("order", ["epistemic", "total", "aleatoric", "ood"])
def test_an_order_puts_the_highest_first(order):
    windows = season()
    found = chosen(windows, Wanted(clips=7, audit=0, orders=(order,)))
    assert found[order].tolist() == sorted(windows[order], reverse=True)[:7]
    assert found["rank"].tolist() == list(range(1, 8))


def test_near_the_threshold_is_nearest_in_odds():
    windows = season()
    found = chosen(windows, Wanted(clips=5, audit=0, orders=(NEAR,)))
    p = windows[probability_columns(["whale"])[0]].to_numpy(float)
    distance = np.abs(np.log(p / (1 - p)) - np.log(0.7 / 0.3))
    nearest = windows.iloc[np.argsort(distance)[:5]]
    assert found["epistemic"].tolist() == nearest["epistemic"].tolist()


def test_a_model_without_an_ood_score_leaves_the_order_to_the_others():
    windows = season().assign(ood=np.float32("nan"))
    found = chosen(windows, Wanted(clips=6, audit=0, orders=("ood", "epistemic")))
    assert found["order"].tolist() == ["epistemic"] * 6


def test_orders_take_turns_and_nothing_is_heard_twice():
    found = chosen(season(120, hop=1.0), Wanted(clips=20, audit=10))
    ordered = found[found["order"] != AUDIT]
    assert ordered["order"].tolist()[:3] == ["epistemic", "ood", NEAR]
    assert (found["order"] == AUDIT).sum() == 10
    for _, mine in found.groupby("recording"):
        for row in mine[mine["order"] != AUDIT].itertuples():
            others = mine.drop(row.Index)
            free = (others["start_seconds"] >= row.end_seconds) | (
                others["end_seconds"] <= row.start_seconds
            )
            assert free.all()


@settings(max_examples=10)
@given(st.integers(1, 6), st.integers(0, 3))
def test_what_is_chosen_does_not_depend_on_the_shards(parts, seed):
    windows = season(seed=seed)
    wanted = Wanted(clips=9, audit=6)
    pd.testing.assert_frame_equal(chosen(windows, wanted, parts), chosen(windows, wanted))


def test_the_audit_is_random_and_ignores_what_the_networks_say():
    wanted = Wanted(clips=0, audit=30)
    plain = chosen(season(60), wanted)
    other = chosen(season(60, seed=9), wanted)
    place = ["recording", "start_seconds"]
    assert plain[place].values.tolist() == other[place].values.tolist()
    # With another seed another sample; over seeds every window comes as often as the next.
    times = np.zeros(60)
    windows = season(60)
    index = pd.MultiIndex.from_frame(windows[place])
    for seed in range(60):
        times[
            index.get_indexer(pd.MultiIndex.from_frame(chosen(windows, wanted, seed=seed)[place]))
        ] += 1
    assert times.sum() == 1800
    assert 30 * 0.5 < times.min() <= times.max() < 30 * 1.5


def test_wishes_that_make_no_sense_are_named():
    with pytest.raises(UserError, match=r"review\.orders: 'loudest' is none of"):
        Wanted(orders=("loudest",))
    with pytest.raises(UserError, match="not both 0"):
        Wanted(clips=0, audit=0)


def answers(truth, windows, audit):
    labels = [["whale"] if there else ["seal"] for there in truth]
    order = np.where(audit, AUDIT, "epistemic")
    return windows.assign(order=order, **{ANSWER: pd.Series(labels, dtype=object)})


def limits(threshold):
    return pd.DataFrame({"class": list(CLASSES), "threshold": [np.inf, threshold]})


def test_the_audit_counts_by_hand_and_leaves_the_other_clips_out():
    windows = season(20)
    score = np.tile([0.9, 0.9, 0.2, 0.2, 0.9], 4)
    windows[probability_columns(["whale"])[0]] = score.astype(np.float32)
    truth = np.tile([1, 0, 1, 0, 1], 4).astype(bool)
    table = answers(truth, windows, np.arange(20) < 10)
    table.at[0, ANSWER] = None
    row = audit_table(table, limits(0.5)).set_index("class").loc["whale"]
    assert (row["detected"], row["present"], row["both"]) == (5, 5, 3)
    assert (row["audited"], row["unanswered"]) == (9, 1)
    assert (row["precision"], row["recall"]) == (0.6, 0.6)
    assert row["share"] == pytest.approx(5 / 9)
    assert np.isnan(audit_table(table, limits(0.5)).set_index("class").loc["seal", "precision"])


def test_precision_and_recall_of_the_audit_are_unbiased_and_their_intervals_cover():
    rng = np.random.default_rng(3)
    windows = season(600)
    score = rng.random(600).astype(np.float32)
    windows[probability_columns(["whale"])[0]] = score
    truth = rng.random(600) < score
    detected = score >= 0.5
    right = {"precision": truth[detected].mean(), "recall": detected[truth].mean()}
    found = []
    for _ in range(120):
        audit = np.zeros(600, bool)
        audit[rng.choice(600, 80, replace=False)] = True
        found.append(audit_table(answers(truth, windows, audit), limits(0.5)).iloc[1])
    table = pd.DataFrame(found)
    for name, value in right.items():
        assert table[name].mean() == pytest.approx(value, abs=0.02)
        covered = (table[f"{name}_low"] <= value) & (value <= table[f"{name}_high"])
        assert covered.mean() >= 0.92

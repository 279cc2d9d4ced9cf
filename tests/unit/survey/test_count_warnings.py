"""What is said of counts that cannot be true, or that have no interval: one line of all periods."""

from dataclasses import replace

import pandas as pd
import pytest
from season_harness import CLASSES, Season

from vipann.errors import DataWarning, ShownWarning
from vipann.survey.acquisition import Wanted
from vipann.survey.count_warnings import warn_of_counts
from vipann.survey.held_out import held_out_of
from vipann.survey.results import Settings, write_results

SETTINGS = Settings(review=Wanted(clips=0, audit=12), resamples=20)
KNOWN = held_out_of(Season.held_out(), "known")
FEW = held_out_of(Season.held_out().assign(recording="alone"), "few")


def counts(*periods):
    """A table of periods (start, windows, counts of the classes)."""
    rows = [
        (start, name, windows, count)
        for start, windows, each in periods
        for name, count in zip(CLASSES, each, strict=True)
    ]
    return pd.DataFrame(rows, columns=["start", "class", "windows", "count"])


HOURS = counts(("2023-01-15T00:00:00", 30, (20, 14)), ("2023-01-15T01:00:00", 30, (14.5, 16)))
DAYS = counts(("2023-01-15T00:00:00", 60, (34.5, 30)))


def said(recwarn):
    return [str(one.message) for one in recwarn if issubclass(one.category, ShownWarning)]


def test_counts_above_the_windows_are_named_once_with_the_way_out(recwarn):
    warn_of_counts({"hour": HOURS, "day": DAYS}, "multiclass", KNOWN, "held_out")
    (line,) = said(recwarn)
    # The first hour is 4 above, the second half a window, the day 4.5.
    assert "in the day from 2023-01-15T00:00:00" in line
    assert "add up to 64.5 in 60 windows" in line
    assert "(1 more hours and days are so)" in line
    assert "counts_by: audit" in line
    assert "--counts-by audit" in line


def test_whoever_counts_by_the_audit_already_is_told_to_label_more(recwarn):
    warn_of_counts({"day": DAYS}, "multiclass", KNOWN, "audit")
    (line,) = said(recwarn)
    assert "more clips of an audit" in line
    assert "counts_by" not in line


def test_nothing_is_said_where_counts_may_be_true(recwarn):
    # A network of several labels may hear two classes in a window.
    warn_of_counts({"hour": HOURS, "day": DAYS}, "multilabel", KNOWN, "held_out")
    warn_of_counts({"hour": HOURS.iloc[2:]}, "multiclass", KNOWN, "held_out")
    # Of a season without clocks there are no counts.
    warn_of_counts({"hour": HOURS.iloc[:0]}, "multiclass", FEW, "held_out")
    assert said(recwarn) == []


@pytest.mark.parametrize(
    ("counts_by", "whose"), [("held_out", "held-out clips"), ("audit", "labelled clips of the")]
)
def test_counts_without_interval_are_explained_once(recwarn, counts_by, whose):
    tables = {"hour": HOURS.iloc[2:], "day": HOURS.iloc[2:]}
    warn_of_counts(tables, "multiclass", FEW, counts_by)
    (line,) = said(recwarn)
    assert f"the {whose}" in line
    assert "low and high are empty" in line
    assert "of 1 recordings" in line


def write(season, settings=SETTINGS):
    write_results(season.survey, season.model, season.paths, settings, 1, season.out)


def test_a_season_counted_by_an_audit_of_few_recordings(tmp_path, recwarn):
    season = Season(tmp_path, hours=2)
    write(season)
    assert said(recwarn) == []
    windows = pd.read_parquet(season.out / "review/windows.parquet")
    labels = [CLASSES[int(whale > 0.5)] for whale in windows["probability:whale"]]
    windows[["path"]].assign(label=labels).to_csv(season.out / "review/labels.csv", index=False)
    with pytest.warns(
        DataWarning, match=r"the labelled clips of the audit are of [1-4] recordings"
    ):
        write(season, replace(SETTINGS, counts_by="audit"))
    table = pd.read_csv(season.out / "counts_per_day.csv")
    assert table[["low", "high"]].isna().all(axis=None)
    assert table["count"].notna().all()


def test_a_season_in_which_most_windows_would_hold_both_classes(tmp_path):
    season = Season(tmp_path, hours=1)
    labels = {f"label:{name}": [1] * 110 + [0] * 10 for name in CLASSES}
    season.held_out().assign(**labels).to_parquet(season.model / "held_out.parquet")
    with pytest.warns(DataWarning, match="counts of the classes add up to .* in 6 windows"):
        write(season)

"""Events from windows, and the files that other programs read."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from season_harness import CLASSES, Season, windows_table

from vipann.survey.calibrated import fit_platt
from vipann.survey.events import Merging, events_of, with_meaning
from vipann.survey.formats import KALEIDOSCOPE_COLUMNS, RAVEN_COLUMNS, write_formats
from vipann.survey.held_out import held_out_of, percentiles
from vipann.survey.thresholds import threshold_table

TOUCHING = Merging()
HELD_OUT = held_out_of(Season.held_out(), "held_out.parquet")


def events(windows, merging=TOUCHING):
    return events_of(windows, CLASSES, np.array([np.inf, 0.5]), merging, HELD_OUT)


def scored(recording, start, whale, seconds=2.0):
    whale = np.asarray(whale)
    return windows_table(recording, start, np.stack([1 - whale, whale], 1), seconds=seconds)


def test_windows_that_touch_are_one_event_and_the_best_speaks_for_it():
    windows = scored(list("aaaaab"), [0, 2, 4, 6, 8, 10], [0.6, 0.9, 0.1, 0.5, 0.2, 0.7])
    found = events(windows)
    columns = ["recording", "start_seconds", "end_seconds", "peak_start_seconds", "windows"]
    assert found[columns].values.tolist() == [
        ["a", 0, 4, 2, 2],
        ["a", 6, 8, 6, 1],
        ["b", 10, 12, 10, 1],
    ]
    best = windows.iloc[1]
    for name in ("total", "aleatoric", "epistemic", "ood"):
        assert found[name].iloc[0] == best[name]
        among = HELD_OUT.measures[name].to_numpy(float)
        percentile = percentiles(np.array([best[name]], float), among)
        assert found[f"percentile_{name}"].iloc[0] == percentile[0]
    assert found["probability"].tolist() == [np.float32(p) for p in (0.9, 0.5, 0.7)]


def test_gaps_and_short_events():
    windows = scored(["a"] * 6, np.arange(0, 12, 2), [0.9, 0.1, 0.9, 0.1, 0.1, 0.9])
    assert len(events(windows, merging=Merging(gap_seconds=2.0))) == 2
    assert events(windows, merging=Merging(2.0, 2))["end_seconds"].tolist() == [6]


def test_overlapping_windows_and_a_shorter_last_one():
    windows = scored(["a"] * 4, [0, 1, 2, 3], [0.9, 0.9, 0.1, 0.9])
    windows.loc[1, "end_seconds"] = 1.5
    # The third ends at 4; the first reaches to 2 and the last starts at 3.
    assert events(windows)[["start_seconds", "end_seconds"]].values.tolist() == [[0, 2], [3, 5]]


def test_a_season_without_a_detection_has_all_columns():
    found = events(scored(["a"], [0], [0.1]))
    assert found.empty
    assert {"class", "percentile_ood", "peak_start_seconds"} <= set(found.columns)


def test_a_probability_is_explained_by_held_out_clips_of_its_class():
    table = threshold_table(HELD_OUT, 0.9, {"seal": 0.5})
    found = events_of(
        scored(list("ab"), [0, 0], [0.2, 0.9]), CLASSES, np.array([0.5, 0.5]), TOUCHING, HELD_OUT
    )
    explained = with_meaning(found, HELD_OUT, table)
    assert explained["class"].tolist() == ["seal", "whale"]
    logit = np.log(np.array([0.8 / 0.2, 0.9 / 0.1]))
    for at, row in enumerate(explained.to_dict("records")):
        slope, offset = fit_platt(HELD_OUT.probability[:, at], HELD_OUT.present[:, at])
        worth = 1 / (1 + np.exp(-(slope * logit[at] + offset)))
        assert row["calibrated_probability"] == pytest.approx(worth, abs=1e-6)
        detected = HELD_OUT.probability[:, at] >= row["threshold"]
        assert row["threshold_precision"] == HELD_OUT.present[detected, at].mean()
        assert row["threshold_precision_low"] < row["threshold_precision"]
        assert row["threshold_precision"] <= row["threshold_precision_high"]
    assert explained["threshold"].tolist() == table["threshold"].tolist()
    none = with_meaning(found[:0], HELD_OUT, table)
    assert none.columns.tolist() == explained.columns.tolist()


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.booleans()), min_size=1),
    st.integers(0, 3),
)
def test_every_detection_lies_in_one_event_and_events_lie_apart(rows, gap):
    rows = sorted({(name, start): hit for name, start, hit in rows}.items())
    windows = scored(
        [key[0] for key, _ in rows], [key[1] for key, _ in rows], [0.9 * hit for _, hit in rows]
    )
    found = events(windows, merging=Merging(gap_seconds=gap))
    for (name, start), hit in rows:
        inside = found[
            (found["recording"] == name)
            & (found["start_seconds"] <= start)
            & (found["end_seconds"] >= start + 2)
        ]
        assert len(inside) == 1 or not hit
    assert found["windows"].sum() == sum(hit for _, hit in rows)
    for _, mine in found.groupby("recording"):
        after = mine["start_seconds"].to_numpy()[1:] - mine["end_seconds"].to_numpy()[:-1]
        assert (after > gap).all()


@pytest.fixture
def written(tmp_path):
    windows = scored(
        ["x/a.wav", "x/a.wav", "x/a.flac", 'b "é",;.wav'], [0, 4, 2, 0], [0.9, 0.8, 0.7, 0.6]
    )
    found = events(windows).assign(review_rank=[1, 2, 3, 4], calibrated_probability=0.5)
    paths = {name: tmp_path / "recordings" / name for name in windows["recording"]}
    write_formats(found, dict.fromkeys(paths, 4000.0), paths, tmp_path / "out")
    return found, tmp_path


def test_of_a_recording_without_events_no_earlier_file_stays(written):
    found, folder = written
    nyquist = dict.fromkeys(found["recording"], 4000.0)
    write_formats(found[found["recording"] == "x/a.flac"], nyquist, {}, folder / "out")
    left = sorted(path.name for path in (folder / "out").rglob("*.txt"))
    assert left == ["a.flac.selections.txt", "a.flac.txt"]


def rows_of(path, delimiter):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream, delimiter=delimiter))


def test_raven_has_a_table_a_recording_in_seconds_and_hertz(written):
    _, folder = written
    paths = sorted(
        p.relative_to(folder / "out/raven") for p in (folder / "out/raven").rglob("*.txt")
    )
    assert [str(path) for path in paths] == [
        'b "é",;.wav.selections.txt',
        "x/a.flac.selections.txt",
        "x/a.wav.selections.txt",
    ]
    head, first, second = rows_of(folder / "out/raven/x/a.wav.selections.txt", "\t")
    assert head == list(RAVEN_COLUMNS)
    # What Raven asks of a table, in its own words.
    assert head[:7] == [
        *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
        *("Low Freq (Hz)", "High Freq (Hz)"),
    ]
    place = ["0.000000", "2.000000", "0.0", "4000.0"]
    assert first[:9] == ["1", "Spectrogram 1", "1", *place, "a.wav", "whale"]
    assert [float(one) for one in second[3:5]] == [4, 6]


def test_audacity_has_start_end_and_label_without_a_head(written):
    _, folder = written
    rows = rows_of(folder / "out/audacity/x/a.wav.txt", "\t")
    assert rows == [
        ["0.000000", "2.000000", "whale 0.900"],
        ["4.000000", "6.000000", "whale 0.800"],
    ]


def test_kaleidoscope_finds_every_file_by_its_columns(written):
    found, folder = written
    head, *rows = rows_of(folder / "out/kaleidoscope.csv", ",")
    assert head == list(KALEIDOSCOPE_COLUMNS)
    named = [dict(zip(head, row, strict=True)) for row in rows]
    joined = ["/".join(filter(None, (r["INDIR"], r["FOLDER"], r["IN FILE"]))) for r in named]
    assert joined == [str(folder / "recordings" / name) for name in found["recording"]]
    assert [float(row["DURATION"]) for row in named] == [2.0] * 4
    assert {row["TOP1MATCH"] for row in named} == {"whale"}

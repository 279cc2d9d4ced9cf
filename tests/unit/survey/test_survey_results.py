"""A whole small season: results, a labelled review, and the next run's dataset made of it."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from season_harness import CLASSES, CLIP_SECONDS, RATE, Season

from vipann.audio.decode import read_mono
from vipann.datasets.building import build_manifest
from vipann.errors import DataWarning, UserError
from vipann.survey.acquisition import AUDIT, Wanted
from vipann.survey.audit import COLUMNS as AUDIT_COLUMNS
from vipann.survey.events import Merging
from vipann.survey.labelled import PATH, read_answers
from vipann.survey.results import Settings, settings_of, write_results

REVIEW = "review"
SETTINGS = Settings(review=Wanted(clips=6, audit=12), resamples=20)


def write(season, settings=SETTINGS, seed=1):
    write_results(season.survey, season.model, season.paths, settings, seed, season.out)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    season = Season(tmp_path_factory.mktemp("season"))
    write(season)
    return season


def label(season, row):
    """As a reviewer who knows the truth."""
    same = (season.windows["recording"] == row["recording"]) & (
        season.windows["start_seconds"] == row["start_seconds"]
    )
    return CLASSES[int(season.truth[same.to_numpy()][0])]


def save_labels(season, path=None, left_out=0):
    """What the page saves, without the last clips."""
    windows = pd.read_parquet(season.out / REVIEW / "windows.parquet")
    windows["label"] = [label(season, row) for row in windows.to_dict("records")]
    columns = {"group": windows["recording"]}
    table = windows.assign(**columns)[
        ["path", "label", "group", "recording", "start_seconds", "end_seconds", "order"]
    ]
    table.iloc[: len(table) - left_out].to_csv(
        path or season.out / REVIEW / "labels.csv", index=False
    )


def test_events_are_timed_ranked_and_the_same_in_both_files(finished):
    events = pd.read_parquet(finished.out / "events.parquet")
    assert sorted(events["review_rank"]) == list(range(1, len(events) + 1))
    by_rank = events.sort_values("review_rank")
    assert by_rank["epistemic"].is_monotonic_decreasing
    first = events.iloc[0]
    assert first["recording"] == "site 0/SM4_20230110_000000.wav"
    assert first["time"] == f"2023-01-10T00:00:{first['start_seconds']:06.3f}+00:00"
    text = pd.read_csv(finished.out / "events.csv")
    pd.testing.assert_frame_equal(text, events, check_dtype=False)
    assert set(events["class"]) == set(CLASSES)


def test_counts_are_of_hours_and_days_that_were_recorded(finished):
    hours = pd.read_csv(finished.out / "counts_per_hour.csv")
    days = pd.read_csv(finished.out / "counts_per_day.csv")
    assert hours["start"].nunique() == 6
    assert days["start"].unique().tolist() == ["2023-01-10T00:00:00", "2023-01-11T00:00:00"]
    assert hours["windows"].sum() == days["windows"].sum() == 2 * len(finished.windows)
    recordings = pd.read_csv(finished.out / "recordings.csv")
    assert recordings["started_at"].str.startswith("2023-01-1").all()


def test_the_clips_of_the_review_are_those_parts_of_the_recordings(finished):
    windows = pd.read_parquet(finished.out / REVIEW / "windows.parquet")
    assert len(windows) == 18
    assert windows[PATH].is_unique
    for row in windows.to_dict("records"):
        clip, rate = soundfile.read(finished.out / REVIEW / row[PATH])
        assert rate == RATE
        source = finished.recordings / row["recording"]
        whole = read_mono(source, RATE, row["start_seconds"], CLIP_SECONDS)
        assert np.abs(clip - whole).max() < 2**-22


def test_a_labelled_review_is_a_dataset_of_the_folder_adapter(finished, tmp_path):
    save_labels(finished, tmp_path / "labels.csv")
    options = {"path": str(finished.out / REVIEW), "csv": str(tmp_path / "labels.csv")}
    block = {"task": "multiclass", "clip_seconds": CLIP_SECONDS, "folds": 2, "options": options}
    manifest = build_manifest(
        "folder", finished.out / REVIEW, block, 1, tmp_path / "manifest.parquet"
    ).frame
    windows = pd.read_parquet(finished.out / REVIEW / "windows.parquet")
    assert len(manifest) == len(windows)
    recording = dict(zip(windows[PATH], windows["recording"], strict=True))
    assert [recording[path] for path in manifest["path"]] == manifest["recording"].tolist()
    assert (manifest.groupby("recording")["fold"].nunique() == 1).all()
    truth = {row[PATH]: label(finished, row) for row in windows.to_dict("records")}
    assert [truth[path] for path in manifest["path"]] == [one[0] for one in manifest["labels"]]


def test_the_audit_is_counted_and_may_say_what_scores_are_worth(tmp_path):
    season = Season(tmp_path)
    write(season)
    with pytest.raises(UserError, match="counts_by is audit"):
        write(season, replace(SETTINGS, counts_by="audit"))
    page = (season.out / REVIEW / "review.html").read_bytes()
    save_labels(season, left_out=3)
    write(season, replace(SETTINGS, counts_by="audit"))
    audit = pd.read_csv(season.out / "audit.csv").set_index("class")
    answers = read_answers(season.out / REVIEW)
    sample = answers[answers["order"] == AUDIT]
    assert audit.loc["whale", "unanswered"] == sample["answer"].isna().sum()
    assert (audit["audited"] + audit["unanswered"] == 12).all()
    # The review that was labelled stays as it is.
    assert (season.out / REVIEW / "review.html").read_bytes() == page


def test_a_review_stays_and_the_next_one_has_other_clips(tmp_path):
    season = Season(tmp_path)
    write(season)
    page = (season.out / REVIEW / "review.html").read_bytes()
    write(season, Settings(review=Wanted(clips=9, audit=2), resamples=20))
    assert (season.out / REVIEW / "review.html").read_bytes() == page
    write(season, Settings(review=Wanted("second", clips=12, audit=12), resamples=20))
    place = ["recording", "start_seconds"]
    first, second = (
        pd.read_parquet(season.out / name / "windows.parquet") for name in (REVIEW, "second")
    )
    ordered = second[second["order"] != AUDIT]
    assert len(ordered) > 0
    assert ordered[place].merge(first[place]).empty
    assert not second[second["order"] == AUDIT][place].equals(first[first["order"] == AUDIT][place])


def test_labels_of_other_clips_are_named_by_their_line(tmp_path):
    season = Season(tmp_path)
    write(season)
    save_labels(season)
    labels = season.out / REVIEW / "labels.csv"
    labels.write_text(labels.read_text() + "clips/gone.flac,whale,,,,,\n")
    with pytest.raises(UserError, match=r"labels.csv, line 20: clips/gone.flac is no clip of"):
        write(season)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: (s.model / "held_out.parquet").unlink(), "held_out.parquet is missing"),
        (
            lambda s: (
                s.held_out()
                .rename(columns=lambda name: name.replace("seal", "walrus"))
                .to_parquet(s.model / "held_out.parquet")
            ),
            "made by a model of the classes seal, whale, and this one has walrus, whale",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    season = Season(tmp_path)
    change(season)
    with pytest.raises(UserError, match=message):
        write(season)


def test_recordings_that_are_gone_have_events_and_no_clips(tmp_path):
    season = Season(tmp_path)
    gone = "site 0/SM4_20230110_000000.wav"
    season.paths.pop(gone)
    (season.recordings / gone).unlink()
    write(season)
    assert gone in set(pd.read_csv(season.out / "events.csv")["recording"])
    windows = pd.read_parquet(season.out / REVIEW / "windows.parquet")
    assert len(windows) == 18
    assert gone not in set(windows["recording"])


def test_classes_that_cannot_be_detected_are_named(tmp_path):
    season = Season(tmp_path, hours=1, windows_per_recording=2)
    table = season.held_out().assign(**{"probability:seal": 0.5, "probability:whale": 0.5})
    table.to_parquet(season.model / "held_out.parquet")
    with pytest.warns(DataWarning, match=r"seal, whale: no threshold has a precision of 0\.9"):
        write(season)
    assert pd.read_csv(season.out / "events.csv").empty


def test_settings_come_from_a_block_of_the_config():
    block = {"wished_precision": 0.8, "gap_seconds": 3.0, "time_zone": "Europe/Berlin"}
    found = settings_of(block | {"starts": "a.csv", "review": {"clips": 5, "orders": ["ood"]}})
    expected = Settings(
        *(0.8, {}, Merging(3.0), "Europe/Berlin", Path("a.csv")),
        review=Wanted(clips=5, orders=("ood",)),
    )
    assert found == expected
    assert settings_of({}) == Settings()


def test_copies_of_a_recording_are_reported(tmp_path):
    season = Season(tmp_path)
    for number in (1, 2):
        files = [
            season.survey / f"shards/{number:06d}.{k}.parquet" for k in ("recordings", "windows")
        ]
        names = pd.read_parquet(files[0])["recording"]
        copies = {name: f"card {number}/{place}.wav" for place, name in enumerate(names)}
        season.paths = {copies.get(name, name): path for name, path in season.paths.items()}
        for path in files:
            table = pd.read_parquet(path)
            rewrite(path, table.assign(recording=table["recording"].map(copies)))
    with pytest.warns(DataWarning, match=r"card 1/0.wav and card 2/0.wav have .* \(4 more"):
        write(season)


def rewrite(path, table):
    """With what the file says of itself."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    pq.write_table(pa.Table.from_pandas(table, schema, preserve_index=False), path)


def test_results_need_no_torch():
    code = (
        "import sys, vipann.survey.results; "
        "sys.exit(any(name.split('.')[0] in ('torch', 'snakemake') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_column_is_explained(finished):
    text = (Path(__file__).parents[3] / "docs/survey.md").read_text(encoding="utf-8")
    explained: dict[str, set[str]] = {}
    table = ""
    for line in text.partition("## Columns")[2].splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5:
            table = cells[1] or table
            explained.setdefault(table, set()).update(re.findall("`([^`]+)`", cells[2]))
    found = {"audit": set(AUDIT_COLUMNS)}
    for name in ("events", "thresholds", "recordings", "counts"):
        path = finished.out / f"{name}.csv" if name != "counts" else "counts_per_day.csv"
        found[name] = set(pd.read_csv(finished.out / path).columns)
    assert {name: explained[name] for name in found} == found

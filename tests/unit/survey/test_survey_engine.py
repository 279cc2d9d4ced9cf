"""Surveys: which windows are scored, what is wrong with recordings, and going on after a stop."""

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from finished_run import RATE, checkout_first, make_run, noise, write_wav

from vipann.errors import MissingProgramError, UserError
from vipann.survey.engine import Survey, survey
from vipann.survey.export import export
from vipann.survey.finished import choose
from vipann.survey.job import survey_part
from vipann.survey.recordings import find_recordings, in_parts
from vipann.survey.scoring import Scorer
from vipann.survey.windows import PROBABILITY, read_survey, shard_numbers, shard_paths

HOW = Survey(hop_seconds=0.5, mc_samples=3, accelerator="cpu", shard_hours=0.001)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return export(choose(make_run(folder / "run")), folder / "model")


@pytest.fixture
def season(tmp_path):
    folder = tmp_path / "season"
    for n in range(4):
        write_wav(folder / f"day{n // 2}" / f"{n}.wav", noise(2.3, n))
    return folder


def hear(model, season, out, how=HOW):
    return survey(model, find_recordings([season]), out, how, quiet=True)


def test_windows_have_the_scores_of_their_sound(model, season, tmp_path):
    found = hear(model, season, tmp_path / "out")
    assert (found.recordings, found.earlier, found.faults) == (4, 0, {})
    assert found.hours == pytest.approx(4 * 2.3 / 3600)
    windows = read_survey(tmp_path / "out").windows
    own = windows[windows["recording"] == "day1/3.wav"]
    assert own["start_seconds"].tolist() == [0, 0.5, 1, 1.3]
    assert own["end_seconds"].tolist() == pytest.approx([1, 1.5, 2, 2.3])
    scorer = Scorer(model, torch.device("cpu"), mc_samples=3)
    sound = noise(2.3, 3).astype(np.float32)
    parts = sound[4000:12_000], sound[-8000:]
    features = np.stack([scorer.front_end(part) for part in parts])
    names = ["day1/3.wav 0.500000", "day1/3.wav 1.300000"]
    scores = scorer.score(features.astype(np.float16), names)
    np.testing.assert_allclose(
        own.filter(like=PROBABILITY).to_numpy()[[1, 3]], scores.probability, atol=1e-6
    )
    np.testing.assert_allclose(own["epistemic"].to_numpy()[[1, 3]], scores.epistemic, atol=1e-6)


def test_neither_batches_nor_shards_nor_threads_decide_a_score(model, season, tmp_path):
    hear(model, season, tmp_path / "one")
    hear(model, season, tmp_path / "two", replace(HOW, batch_size=3, workers=3, shard_hours=1.0))
    assert len(shard_numbers(tmp_path / "one")) == 2
    assert len(shard_numbers(tmp_path / "two")) == 1
    one, two = (read_survey(tmp_path / name).windows for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, check_exact=False, atol=1e-6)


def test_only_new_and_changed_recordings_are_scored(model, season, tmp_path):
    out = tmp_path / "out"
    hear(model, season, out)
    before = {path: path.read_bytes() for path in (out / "shards").iterdir()}
    write_wav(season / "day2/new.wav", noise(1.0, 9))
    write_wav(season / "day0/0.wav", noise(1.5, 10))
    found = hear(model, season, out)
    assert (found.recordings, found.earlier) == (2, 3)
    assert all(path.read_bytes() == content for path, content in before.items())
    windows = read_survey(out).windows
    assert windows["recording"].value_counts().to_dict() == {
        "day0/0.wav": 2,
        "day2/new.wav": 1,
        **dict.fromkeys(["day0/1.wav", "day1/2.wav", "day1/3.wav"], 4),
    }
    assert hear(model, season, out).recordings == 0


def test_what_is_wrong_with_a_recording_is_listed_and_stops_nothing(model, season, tmp_path):
    (season / "day0/broken.flac").write_bytes(b"fLaC, or so it says")
    whole = write_wav(season / "day0/cut.wav", noise(3.0))
    whole.write_bytes(whole.read_bytes()[:50_000])
    write_wav(season / "day0/dead.wav", np.zeros(2 * RATE))
    write_wav(season / "day0/empty.wav", np.zeros(0))
    sound = noise(3.0)
    sound[2 * RATE + 100] = np.nan
    write_wav(season / "day0/nan.wav", sound)
    # A remainder that is shorter than a frame is heard with what comes before it.
    write_wav(season / "day0/rest.wav", noise(1.01))
    write_wav(season / "day0/short.wav", noise(0.01))
    found = hear(model, season, tmp_path / "out")
    faults = {name.removeprefix("day0/"): fault for name, fault in found.faults.items()}
    assert faults.keys() == {
        "broken.flac",
        "cut.wav",
        "dead.wav",
        "empty.wav",
        "nan.wav",
        "short.wav",
    }
    assert "cannot be decoded" in faults["broken.flac"]
    assert "cut short" in faults["cut.wav"]
    assert faults["short.wav"] == "1 of 1 windows too short"
    assert faults["dead.wav"] == "3 of 3 windows silent"
    assert faults["empty.wav"] == "holds no audio"
    assert faults["nan.wav"] == "2 of 5 windows samples that are not finite"
    read = read_survey(tmp_path / "out")
    listed = read.recordings.set_index("recording")["fault"]
    assert listed[listed != ""].to_dict() == found.faults
    starts = read.windows[read.windows["recording"] == "day0/nan.wav"]["start_seconds"]
    assert starts.tolist() == [0, 0.5, 1]
    assert hear(model, season, tmp_path / "out").recordings == 0


def test_recordings_for_ffmpeg_are_refused_at_once_where_there_is_none(
    model, season, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    (season / "phone.m4a").touch()
    with pytest.raises(MissingProgramError, match=r"phone\.m4a and 0 more .*install ffmpeg"):
        hear(model, season, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_survey_of_other_settings_is_not_mixed_in(model, season, tmp_path):
    hear(model, season, tmp_path)
    other = replace(HOW, hop_seconds=1.0, mc_samples=7)
    with pytest.raises(UserError, match=r"differs in hop_seconds \(there 0.5, now 1.0\); mc_sam"):
        hear(model, season, tmp_path, other)
    with pytest.raises(UserError, match="hop_seconds: 0 is not allowed"):
        hear(model, season, tmp_path, replace(HOW, hop_seconds=0))


def test_a_disk_that_fills_is_named_and_what_was_scored_stays(model, season, tmp_path, monkeypatch):
    write_table, written = pq.write_table, []

    def fill(table, path):
        if len(written) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        write_table(table, path)

    monkeypatch.setattr(pq, "write_table", fill)
    with pytest.raises(UserError, match=r"no space left for .*shards"):
        hear(model, season, tmp_path)
    monkeypatch.undo()
    assert shard_numbers(tmp_path) == [1]
    found = hear(model, season, tmp_path)
    assert (found.recordings, found.earlier) == (2, 2)


def test_a_survey_that_was_killed_goes_on(model, tmp_path):
    folder = tmp_path / "season"
    for n in range(60):
        write_wav(folder / f"{n:02}.wav", noise(4.0, n))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vipann.cli", "survey", str(model.folder), str(folder)]
    command.append("--no-results")
    command += ["--out", str(out), "--hop-seconds", "0.5", "--mc-samples", "3", "--workers", "1"]
    command += ["--accelerator", "cpu", "--shard-hours", "0.001", "--batch-size", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=checkout_first()) as process:
        while len(shard_numbers(out)) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    kept = {path: path.read_bytes() for n in shard_numbers(out) for path in shard_paths(out, n)}
    found = hear(model, folder, out)
    assert found.earlier >= 2
    assert found.recordings == 60 - found.earlier > 0
    assert all(path.read_bytes() == content for path, content in kept.items())
    hear(model, folder, tmp_path / "undisturbed", replace(HOW, shard_hours=1.0))
    pd.testing.assert_frame_equal(
        read_survey(out).windows,
        read_survey(tmp_path / "undisturbed").windows,
        check_exact=False,
        atol=1e-6,
    )


def test_jobs_share_the_recordings_and_a_new_model_starts_anew(model, season, tmp_path):
    total = sum(one.size for one in find_recordings([season]))
    settings = {
        "recordings": str(season),
        "part_gigabytes": (total / 2 + 1) / 10**9,
        "hop_seconds": 0.5,
        "mc_samples": 3,
        "seed": 4,
        "precision": "float32",
    }
    parts = tmp_path / "survey/parts"
    for part in (1, 2):
        survey_part(model.folder, parts / f"{part}.json", settings | {"part": part}, "cpu", 16, 1)
    read = read_survey(tmp_path / "survey")
    assert read.recordings["recording"].tolist() == [
        *("day0/0.wav", "day0/1.wav"),
        *("day1/2.wav", "day1/3.wav"),
    ]
    changed = settings | {"part": 1, "seed": 5}
    survey_part(model.folder, parts / "1.json", changed, "cpu", 16, 1)
    read = read_survey(tmp_path / "survey")
    assert read.recordings["recording"].tolist() == ["day0/0.wav", "day0/1.wav"]
    assert read.about.settings["seed"] == 5


def test_recordings_are_found_once_and_parts_stay_as_a_season_goes_on(season, tmp_path):
    found = find_recordings([season / "day0", season / "day1/2.wav"])
    assert [one.name for one in found] == ["0.wav", "1.wav", "2.wav"]
    write_wav(season / "day1/0.wav", noise(1.0))
    with pytest.raises(UserError, match=r"two recordings are called 0\.wav: .*day0.*day1"):
        find_recordings([season / "day0", season / "day1"])
    with pytest.raises(UserError, match="does not exist"):
        find_recordings([season / "day7"])
    (tmp_path / "none").mkdir()
    (tmp_path / "none/notes.txt").touch()
    with pytest.raises(UserError, match=r"no recordings to survey.*1 \.txt"):
        find_recordings([tmp_path / "none"])
    before = in_parts(find_recordings([season]), 110_000)
    assert [len(part) for part in before] == [1, 2, 1, 1]
    write_wav(season / "day2/0.wav", noise(2.0))
    assert in_parts(find_recordings([season]), 110_000)[:4] == before

"""Recordings as streams of windows, and the tables of what they hold."""

import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
from finished_run import RATE, noise, write_wav
from hypothesis import given, settings
from hypothesis import strategies as st
from season_harness import write_shard

from vipann.audio.stream import mono_stream, resampled
from vipann.errors import MissingProgramError, UserError
from vipann.survey.listening import Listener
from vipann.survey.windows import (
    About,
    Shard,
    probability_columns,
    read_shards,
    read_survey,
    shard_paths,
)


@settings(max_examples=60)
@given(
    samples=st.integers(0, 900),
    hop=st.sampled_from([0.01, 0.013, 0.05, 0.1, 0.13]),
    block=st.integers(1, 400),
)
def test_windows_are_the_recording_cut_at_every_hop(samples, hop, block):
    sound = np.arange(samples, dtype=np.float32)
    listener = Listener(1000, 0.1, hop)
    found = list(listener._cut(sound[i : i + block] for i in range(0, samples, block)))
    for number, window in enumerate(found):
        start, end = round(window.start * 1000), round(window.end * 1000)
        np.testing.assert_array_equal(window.samples, sound[start:end])
        assert end - start == min(100, samples)
        if number < len(found) - 1:
            assert start == round(number * hop * 1000)
    assert listener.seconds == samples / 1000
    if hop <= 0.1:
        # All of it is heard, and the last window ends with it.
        assert [window.end for window in found[-1:]] == [samples / 1000] * bool(samples)
        assert all(b.start > a.start and b.end > a.end for a, b in pairwise(found))


def test_a_stream_is_the_whole_file_resampled_with_channels_averaged(tmp_path):
    stereo = np.stack([noise(40, 1, 12_000), noise(40, 2, 12_000)], axis=1).astype(np.float32)
    path = write_wav(tmp_path / "stereo.wav", stereo, 12_000)
    with mono_stream(path) as stream:
        assert stream.source_rate == 12_000
        blocks = list(resampled(stream, RATE))
    assert len(blocks) > 2
    whole = soxr.resample(stereo.mean(axis=1), 12_000, RATE, "HQ")
    found = np.concatenate(blocks)
    assert len(found) == len(whole)
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_recordings_of_many_rates_are_heard_whole(mirror):
    listener = Listener(RATE, 1.0, 0.5)
    for path in sorted((mirror / "odd-formats").glob("*.wav")):
        windows = list(listener.windows(path))
        about = soundfile.info(path)
        assert listener.source_rate == about.samplerate
        assert listener.seconds == pytest.approx(about.duration, abs=0.001)
        assert windows[-1].end == listener.seconds
        assert all(window.is_finite for window in windows)


ABOUT = About("model", ("dog", "cat"), "multiclass", 1.0, {"hop_seconds": 1.0})


def shard(names, probability, modified=1):
    windows = pd.DataFrame({"recording": names, "start_seconds": 0.0, "end_seconds": 1.0})
    windows[probability_columns(ABOUT.classes)] = np.float32(probability)
    windows[["total", "aleatoric", "epistemic", "ood"]] = np.float32(0)
    about = {"duration_seconds": 1.0, "sample_rate": RATE, "size": 9, "modified": modified}
    recordings = pd.DataFrame({"recording": names, **about, "fault": ""})
    return Shard(ABOUT, windows, recordings)


def test_what_was_scored_anew_takes_the_place_of_the_earlier(tmp_path):
    write_shard(tmp_path, 1, shard(["b.wav", "c.wav"], 0.25))
    write_shard(tmp_path, 2, shard(["a.wav", "b.wav"], 0.75, modified=2))
    found = read_survey(tmp_path)
    assert found.about == ABOUT
    assert found.windows["recording"].tolist() == ["a.wav", "b.wav", "c.wav"]
    assert found.windows["probability:cat"].tolist() == [0.75, 0.75, 0.25]
    assert found.recordings["modified"].tolist() == [2, 2, 1]


def test_tables_that_cannot_be_read_together_are_named(tmp_path):
    with pytest.raises(UserError, match="holds no survey"):
        read_survey(tmp_path)
    write_shard(tmp_path, 1, shard(["a.wav"], 0.5))
    other = About("another model", ABOUT.classes, ABOUT.task, 1.0)
    second = shard(["b.wav"], 0.5)
    write_shard(tmp_path, 2, Shard(other, second.windows, second.recordings))
    with pytest.raises(UserError, match=r"000002.*another model"):
        list(read_shards(tmp_path))
    shard_paths(tmp_path, 2)[1].write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"000002\.recordings.*delete it and its partner"):
        read_survey(tmp_path)


# Knows an m4a by the wav of the same name beside it, and fails where its name says so.
FFMPEG = """\
#!{python}
import sys
from pathlib import Path
import soundfile
path = Path(sys.argv[sys.argv.index("-i") + 1])
assert sys.argv[-3:] == ["-f", "au", "-"], sys.argv
if "film" in path.name:
    sys.exit(f"{{path}}: no audio stream")
samples, rate = soundfile.read(path.with_suffix(".wav"), dtype="float32")
soundfile.write(path.with_suffix(".au"), samples, rate, subtype="FLOAT", endian="BIG")
au = bytearray(path.with_suffix(".au").read_bytes())
au[8:12] = b"\\xff" * 4  # the length, which ffmpeg cannot know yet
sys.stdout.buffer.write(au)
if "broken" in path.name:
    sys.exit(f"{{path}}: invalid data")
"""


def test_what_only_ffmpeg_reads_comes_through_its_pipe(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/ffmpeg"
    program.write_text(FFMPEG.format(python=sys.executable))
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent))
    stereo = np.stack([noise(50, 1), noise(50, 2)], axis=1).astype(np.float32)
    for name in ("phone", "broken", "film"):
        write_wav(tmp_path / f"{name}.wav", stereo)
    with mono_stream(tmp_path / "phone.m4a") as stream:
        found = list(stream.blocks)
    assert stream.source_rate == RATE
    assert len(found) > 1
    np.testing.assert_allclose(np.concatenate(found), stereo.mean(axis=1), atol=1e-7)
    with pytest.raises(UserError, match=r"film\.m4a cannot be read as audio: .*no audio stream"):
        read(tmp_path / "film.m4a")
    with pytest.raises(UserError, match=r"broken\.webm cannot .*: .*invalid data"):
        read(tmp_path / "broken.webm")
    program.unlink()
    with pytest.raises(MissingProgramError, match="install ffmpeg"):
        read(tmp_path / "phone.m4a")


def read(path):
    with mono_stream(path) as stream:
        return list(stream.blocks)

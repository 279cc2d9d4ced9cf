"""From a file to mono samples, by libsndfile and by ffmpeg."""

import os
import sys

import numpy as np
import pytest
import soundfile

from vipann.audio.decode import read_mono
from vipann.audio.probe import inspect_audio
from vipann.errors import UserError


def test_read_mono_averages_channels_and_reads_only_its_part(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, (8000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", samples, 8000, subtype="FLOAT")
    part = read_mono(tmp_path / "x.wav", 8000, 0.25, 0.5)
    assert part.dtype == np.float32
    np.testing.assert_allclose(part, samples[2000:6000].sum(axis=1) / 2, atol=1e-7)
    assert len(read_mono(tmp_path / "x.wav", 16000)) == 16000
    assert len(read_mono(tmp_path / "x.wav", 8000, 0.75, 9.0)) == 2000
    with pytest.raises(UserError, match=r"x\.wav"):
        read_mono(tmp_path / "x.wav", 8000, 1.0)


FFMPEG = """#!{python}
import json, sys
from pathlib import Path
import soundfile
asked = Path(next(a for a in sys.argv if a.endswith((".m4a", ".webm", ".aac"))))
kind, *about = asked.read_text().split()
path = asked.with_suffix(".wav")
if not path.exists():
    sys.exit(print("Invalid data found", file=sys.stderr) or 1)
if Path(sys.argv[0]).name == "ffprobe":
    info = soundfile.info(path)
    stream, whole = {{"sample_rate": str(info.samplerate)}}, {{"format_name": kind}}
    if "guesses" in about:
        stream["duration"] = whole["duration"] = str(1.5 * info.duration)
    elif "stream" in about:
        stream["duration"] = str(info.duration)
    elif "format" in about:
        whole["duration"] = str(info.duration)
    print(json.dumps({{"streams": [] if "silent" in about else [stream], "format": whole}}))
else:
    sys.stdout.buffer.write(path.read_bytes())
"""


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Programs that know an m4a by the wav beside it, with the real ones' way of answering."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        (folder / name).write_text(FFMPEG.format(python=sys.executable))
        (folder / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("suffix", "about"),
    [
        ("m4a", "mov,mp4,m4a,3gp,3g2,mj2 stream"),
        ("webm", "matroska,webm format"),
        # What a browser's MediaRecorder writes tells no length, and bare AAC is guessed at.
        ("webm", "matroska,webm"),
        ("aac", "aac guesses"),
        ("m4a", "aac guesses"),
    ],
)
def test_what_libsndfile_does_not_know_is_read_by_ffmpeg(ffmpeg, mirror, tmp_path, suffix, about):
    real = next((mirror / "odd-formats").glob("*14900Hz.wav"))
    (tmp_path / "x.wav").symlink_to(real)
    (tmp_path / f"x.{suffix}").write_text(about)
    audio, expected = inspect_audio(tmp_path, f"x.{suffix}"), inspect_audio(tmp_path, "x.wav")
    assert (audio.sample_rate, audio.frames) == (expected.sample_rate, expected.frames)
    part = read_mono(tmp_path / f"x.{suffix}", 8000, 0.25, 0.5)
    np.testing.assert_array_equal(part, read_mono(real, 8000, 0.25, 0.5))
    (tmp_path / f"y.{suffix}").write_text(about)
    for read in (
        lambda: inspect_audio(tmp_path, f"y.{suffix}"),
        lambda: read_mono(tmp_path / f"y.{suffix}", 8000),
    ):
        with pytest.raises(UserError, match=rf"y\.{suffix} cannot be read as audio: Invalid data"):
            read()


def test_a_film_without_sound_is_named(ffmpeg, mirror, tmp_path):
    (tmp_path / "x.wav").symlink_to(next((mirror / "odd-formats").glob("*.wav")))
    (tmp_path / "x.webm").write_text("matroska,webm silent")
    with pytest.raises(UserError, match=r"x\.webm .*no audio stream"):
        inspect_audio(tmp_path, "x.webm")


def test_without_ffmpeg_the_message_says_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "x.m4a").write_bytes(b"compressed")
    with pytest.raises(UserError, match=r"x\.m4a.*install ffmpeg"):
        inspect_audio(tmp_path, "x.m4a")
    with pytest.raises(UserError, match=r"x\.m4a.*install ffmpeg"):
        read_mono(tmp_path / "x.m4a", 8000)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_read_mono_refuses_samples_that_are_not_finite(tmp_path, bad):
    samples = np.zeros(800, dtype=np.float32)
    samples[500] = bad
    soundfile.write(tmp_path / "bad.wav", samples, 8000, subtype="FLOAT")
    assert len(read_mono(tmp_path / "bad.wav", 8000, 0.0, 0.05)) == 400
    with pytest.raises(UserError, match=r"bad\.wav.*not finite"):
        read_mono(tmp_path / "bad.wav", 8000)

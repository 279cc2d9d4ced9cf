"""Recordings as streams of windows, and the tables of what they hold."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
from finished_run import RATE, noise, write_wav
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.audio.stream import mono_stream, resampled
from vipann.errors import UserError
from vipann.survey.listening import Listener
from vipann.survey.windows import (
    About,
    Shard,
    probability_columns,
    read_shards,
    read_survey,
    shard_paths,
    write_shard,
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
        start = round(number * hop * 1000)
        np.testing.assert_array_equal(window.samples, sound[start : start + 100])
        assert window.start == start / 1000
        assert window.end == (start + len(window.samples)) / 1000
    assert all(len(window.samples) == 100 for window in found[:-1])
    assert listener.seconds == samples / 1000
    if hop <= 0.1:
        # All of it is heard, and no window lies wholly in what the one before has heard.
        assert [window.end for window in found[-1:]] == [samples / 1000] * bool(samples)
        assert len(found) < 2 or found[-1].end > found[-2].end


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

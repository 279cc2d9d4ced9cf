"""Log-mel against librosa on real audio; load_clip's promises by property."""

import tarfile
import zipfile

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from six_clips import load_clip

from vipann.errors import UserError
from vipann.features.front_ends.logmel import FrontEnd, Settings


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("logmel")


@pytest.fixture(scope="module")
def real_clips(mirror, scratch):
    """Real clips: 44.1 kHz Vorbis, 22.05 kHz, 32 kHz float (no resampling), odd rates, stereo."""
    with zipfile.ZipFile(mirror / "ESC-10.zip") as packed:
        names = [name for name in packed.namelist() if name.endswith(".ogg")][::150]
        clips = [scratch / packed.extract(name, scratch) for name in names]
    with tarfile.open(mirror / "UrbanSound8K-mini.tar.gz") as packed:
        packed.next()
        member = packed.next()
        packed.extract(member, scratch, filter="data")
    clips.append(scratch / member.name)
    clips.append(mirror / "deepship" / "Tanker" / "9.wav")
    clips.append(mirror / "odd-formats" / "Humpback_Whale-14900Hz.wav")
    clips.append(mirror / "odd-formats" / "Beluga,_White_Whale-40000Hz.wav")
    clips.append(mirror / "audioset-sample" / "audio" / "--j5O-EaSUM.wav")
    return clips


def librosa_logmel(waveform, window, rate=32000):
    mel = librosa.feature.melspectrogram(
        y=waveform,
        sr=rate,
        n_fft=1024,
        hop_length=320,
        window=window,
        center=True,
        pad_mode="reflect",
        n_mels=64,
        fmin=50,
        fmax=14000,
        power=2.0,
    )
    return librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None).T


@pytest.mark.parametrize("window", ["hamming", "hann"])
def test_logmel_of_real_clips_is_librosas(real_clips, window):
    front_end = FrontEnd(Settings(window=window))
    seen = set()
    for path in real_clips:
        info = soundfile.info(path)
        duration = min(5.0, info.duration)
        ours = front_end(load_clip(path, 0.0, duration, 5.0, 32000, "zero"))
        whole, _ = librosa.load(path, sr=32000, mono=True, duration=duration, res_type="soxr_hq")
        theirs = librosa_logmel(librosa.util.fix_length(whole, size=160000), window)
        assert ours.shape == (501, 64)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=0.05, rtol=0, err_msg=str(path))
        seen.add((info.samplerate == 32000, info.channels))
    assert {(True, 1), (False, 1), (False, 2)} <= seen


@pytest.mark.filterwarnings("ignore:n_fft=1024 is too large")
@given(st.integers(600, 9000), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1e-3, 0.0]))
@hypothesis_settings(deadline=None, max_examples=30)
def test_logmel_of_any_length_is_librosas(n_samples, seed, level):
    noise = level * np.random.default_rng(seed).uniform(-1, 1, n_samples).astype(np.float32)
    front_end = FrontEnd(Settings())
    ours = front_end(noise)
    assert ours.shape == (1 + n_samples // 320, 64) == (front_end.frames(n_samples), 64)
    np.testing.assert_allclose(ours, librosa_logmel(noise, "hamming"), atol=0.05, rtol=0)


def test_silence_is_the_floor():
    floor = FrontEnd(Settings())(np.zeros(32000, dtype=np.float32))
    np.testing.assert_allclose(floor, -100.0, atol=1e-3, rtol=0)


@pytest.mark.parametrize("changes", [{"fmax": 17000}, {"fmin": 15000}])
def test_impossible_settings_are_refused(changes):
    with pytest.raises(UserError, match="features"):
        FrontEnd(Settings(**changes))


NUMPY_PADDING = {"zero": "constant", "repeat": "wrap", "reflect": "reflect"}


@given(
    st.integers(1, 400),
    st.integers(1, 2000),
    st.sampled_from(sorted(NUMPY_PADDING)),
    st.integers(0, 50),
)
@example(1, 2000, "reflect", 0)
@example(1, 2000, "repeat", 0)
@example(2, 1999, "reflect", 0)
@example(400, 400, "zero", 0)
@hypothesis_settings(deadline=None, max_examples=80)
def test_cut_and_padding_without_resampling(scratch, n_samples, length, padding, skipped):
    """Padding against numpy's own modes, which go on periodically however long it gets."""
    samples = np.random.default_rng(n_samples).uniform(-1, 1, skipped + n_samples)
    path = scratch / "padding.wav"
    soundfile.write(path, samples, 1000, subtype="FLOAT")
    clip = load_clip(path, skipped / 1000, n_samples / 1000, length / 1000, 1000, padding)
    own = samples[skipped:].astype(np.float32)[:length]
    expected = np.pad(own, (0, length - len(own)), mode=NUMPY_PADDING[padding])
    assert clip.dtype == np.float32
    np.testing.assert_array_equal(clip, expected)


@given(
    st.integers(1, 3000),
    st.sampled_from([5120, 8000, 22050, 44100, 52734, 96000]),
    st.sampled_from([0.01, 0.3, 1.0]),
    st.sampled_from(["zero", "repeat", "reflect"]),
    st.integers(1, 3),
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_any_rate_length_and_channels_give_the_promised_shape(
    scratch, frames, rate, clip_seconds, padding, channels
):
    samples = np.random.default_rng(frames).uniform(-1, 1, (frames, channels))
    path = scratch / "any.wav"
    soundfile.write(path, samples, rate)
    duration = min(frames / rate, clip_seconds)
    clip = load_clip(path, 0.0, duration, clip_seconds, 32000, padding)
    assert clip.shape == (round(clip_seconds * 32000),)
    assert clip.dtype == np.float32
    assert np.isfinite(clip).all()
    np.testing.assert_array_equal(clip, load_clip(path, 0.0, None, clip_seconds, 32000, padding))


def test_windows_of_a_recording_are_its_parts(mirror):
    path = mirror / "deepship" / "Tanker" / "9.wav"
    whole, rate = soundfile.read(path, dtype="float32")
    assert rate == 32000
    for offset in (0.0, 4.0, 8.0):
        start = int(offset * rate)
        clip = load_clip(path, offset, 4.0, 4.0, rate, "zero")
        np.testing.assert_array_equal(clip, whole[start : start + 4 * rate])


def test_a_tone_survives_resampling_at_its_pitch_and_level(tmp_path):
    time = np.arange(44100) / 44100
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), 44100)
    clip = load_clip(tmp_path / "tone.wav", 0.0, 1.0, 1.0, 32000, "zero")
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(32000) / 32000)
    np.testing.assert_allclose(clip[1000:-1000], expected[1000:-1000], atol=1e-3)


def test_files_that_end_early_are_named(tmp_path):
    soundfile.write(tmp_path / "short.wav", np.zeros(8000), 8000)
    with pytest.raises(UserError, match=r"short\.wav ends early"):
        load_clip(tmp_path / "short.wav", 0.0, 2.0, 5.0, 32000, "zero")
    with pytest.raises(UserError, match=r"short\.wav"):
        load_clip(tmp_path / "short.wav", 1.5, 0.5, 5.0, 32000, "zero")

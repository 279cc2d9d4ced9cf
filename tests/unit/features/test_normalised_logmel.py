"""The thesis's small features against torchaudio's, which its published code uses."""

import numpy as np
import pytest
import torch
import torchaudio

from vipann.errors import UserError
from vipann.features.front_ends.normalised_logmel import FrontEnd, Settings
from vipann.parts import bands_of, frames_of

MEAN, SIGMA = -12.7509, 11.7584


def published(waveform, pad_mode):
    """As the published dataloader, (T, 64) in dB; it writes 20 log10 of power by mistake."""
    mel = torchaudio.transforms.MelSpectrogram(
        sample_rate=16000,
        n_fft=4096,
        win_length=1024,
        hop_length=400,
        center=True,
        pad_mode=pad_mode,
        power=2,
        norm="slaney",
        n_mels=64,
        mel_scale="slaney",
    )
    power = mel(torch.from_numpy(waveform))
    return (10 * power.clamp(min=1e-10).log10()).T.numpy()


def noise(seconds):
    return np.random.default_rng(3).normal(0, 0.1, round(16000 * seconds)).astype(np.float32)


def test_ten_seconds_are_400_frames_of_64_bands_as_torchaudio_makes_them():
    front_end = FrontEnd(Settings())
    found = front_end(noise(10))
    assert found.dtype == np.float32
    assert found.shape == (400, 64) == front_end.shape(10.0)
    decibels = published(noise(10), "reflect")[:400]
    np.testing.assert_allclose(found, (decibels - MEAN) / (2 * SIGMA), atol=2e-4)
    # Frames that lie wholly in the sound do not know how the published code pads.
    inner = (published(noise(10), "constant")[6:394] - MEAN) / (2 * SIGMA)
    np.testing.assert_allclose(found[6:394], inner, atol=2e-4)


def test_a_short_clip_is_filled_up_with_silence_and_only_its_own_frames_are_judged():
    front_end = FrontEnd(Settings())
    found = front_end(noise(2))
    assert found.shape == (400, 64)
    assert front_end.frames(32000) == 81
    assert found[81:] == pytest.approx((-100 - MEAN) / (2 * SIGMA))
    assert not front_end.quiet(found[:81]).any()
    assert front_end.quiet(found[81:]).all()


def test_sigmas_divide_and_frames_may_be_those_of_the_clip():
    whole = FrontEnd(Settings(sigmas=1.0, frames=None))(noise(1))
    half = FrontEnd(Settings(frames=None))(noise(1))
    assert whole.shape == (41, 64)
    np.testing.assert_allclose(whole, 2 * half, rtol=1e-5)


def test_the_plan_knows_its_shape():
    block = {"front_end": "normalised_logmel"}
    assert (frames_of(block, 10.0), bands_of(block)) == (400, 64)
    longer = block | {"normalised_logmel": {"frames": None}}
    assert frames_of(longer, 10.0) == 401


def test_a_window_longer_than_the_fft_is_refused():
    with pytest.raises(UserError, match="window_length 8192 is more than fft_length 4096"):
        FrontEnd(Settings(window_length=8192))

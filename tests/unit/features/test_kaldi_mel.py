"""The Kaldi front end against the layers that EfficientAT's networks were published with."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from six_clips import load_clip
from torchaudio.compliance.kaldi import get_mel_banks

from vipann.errors import UserError
from vipann.features.front_ends.kaldi_mel import FrontEnd, Settings, kaldi_filters

SETTINGS = asdict(Settings())


def published(waveform, settings):
    """As in EfficientAT's preprocessing: convolution, torch.stft and torchaudio's filterbank."""
    kernel = torch.tensor([[[-settings["pre_emphasis"], 1.0]]])
    x = F.conv1d(torch.from_numpy(waveform)[None, None], kernel)[0]
    length = settings["fft_length"]
    window = torch.hann_window(settings["window_length"], periodic=False)
    spectrum = torch.stft(
        x, length, settings["hop_length"], len(window), window, center=True, return_complex=True
    )
    banks = filterbank(settings)
    mel = F.pad(banks, (0, 1)) @ spectrum[0].abs() ** 2
    return (((mel + settings["amin"]).log() + 4.5) / 5).T.numpy()


def filterbank(settings):
    bands, length, rate = (settings[key] for key in ("mel_bands", "fft_length", "sample_rate"))
    return get_mel_banks(bands, length, rate, settings["fmin"], settings["fmax"], 100, -500, 1)[0]


@given(
    bands=st.integers(8, 160),
    length=st.sampled_from([512, 1000, 1024, 2048]),
    rate=st.sampled_from([16000, 32000, 44100]),
    fmin=st.floats(0, 300),
    fmax=st.floats(2000, 8000),
)
def test_filterbank_is_torchaudios(bands, length, rate, fmin, fmax):
    settings = {"mel_bands": bands, "fft_length": length, "sample_rate": rate}
    settings |= {"fmin": fmin, "fmax": fmax}
    ours, theirs = kaldi_filters(Settings(**settings)), filterbank(settings).numpy().T
    # Theirs is computed in float32, whose error in a band's edges grows with their number.
    np.testing.assert_allclose(ours[:-1], theirs, atol=2e-3)
    assert not ours[-1].any()


@pytest.mark.parametrize("samples", [160_000, 128_001, 1100])
def test_spectrogram_of_noise_is_the_published_layers(samples):
    noise = np.random.default_rng(3).normal(0, 0.1, samples).astype(np.float32)
    front_end = FrontEnd(Settings())
    ours = front_end(noise)
    assert ours.dtype == np.float32
    assert ours.shape == (front_end.frames(samples), 128)
    np.testing.assert_allclose(ours, published(noise, SETTINGS), atol=2e-4)


def test_spectrogram_of_a_real_clip_is_the_published_layers(mirror):
    path = next((mirror / "audioset-sample/audio").iterdir())
    clip = load_clip(path, 0.0, None, 10.0, 32000, "zero")
    ours, theirs = FrontEnd(Settings())(clip), published(clip, SETTINGS)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert np.abs(ours - theirs).mean() < 1e-5


def test_silence_is_the_floor():
    front_end = FrontEnd(Settings())
    np.testing.assert_allclose(front_end(np.zeros(32000, np.float32)), front_end.floor, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fmax": 17000.0}, "fmax 17000.0 is not allowed"),
        ({"window_length": 1025}, "window_length 1025 is more than fft_length 1024"),
    ],
)
def test_settings_that_contradict_each_other_are_named(change, told):
    with pytest.raises(UserError, match=told):
        FrontEnd(Settings(**change))

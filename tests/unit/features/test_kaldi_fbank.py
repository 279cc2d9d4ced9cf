"""PSLA's front end against its published code, and its settings against numpy."""

import numpy as np
import pytest
import torch
import torchaudio
from six_clips import load_clip

from vipann.errors import UserError
from vipann.features.front_ends.kaldi_fbank import FrontEnd, Settings
from vipann.parts import bands_of, frames_of

SECONDS = 10


def published(waveform, target_length=1056, mean=-4.6476, std=4.5699):
    """As PSLA's dataloader: 16 kHz, 25 ms Hann, 10 ms hop, zeros up to 1056 frames."""
    waveform = torch.from_numpy(waveform)[None]
    waveform = waveform - waveform.mean()
    bands = torchaudio.compliance.kaldi.fbank(
        waveform,
        htk_compat=True,
        sample_frequency=16000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=128,
        dither=0.0,
        frame_shift=10,
    )
    more = target_length - len(bands)
    bands = torch.nn.ZeroPad2d((0, 0, 0, more))(bands) if more > 0 else bands[:target_length]
    return ((bands - mean) / std).numpy()


def noise(seconds, seed=3):
    samples = np.random.default_rng(seed).normal(0.02, 0.1, round(16000 * seconds))
    return samples.astype(np.float32)


@pytest.mark.parametrize("seconds", [10, 3.3, 12])
def test_it_is_the_published_code(seconds):
    front_end = FrontEnd(Settings())
    found = front_end(noise(seconds))
    assert found.dtype == np.float32
    assert found.shape == (1056, 128) == front_end.shape(seconds)
    np.testing.assert_allclose(found, published(noise(seconds)), atol=1e-5)


def test_a_real_clip_is_as_published_and_about_standardised(mirror):
    path = next((mirror / "audioset-sample/audio").iterdir())
    clip = load_clip(path, 0.0, None, 10.0, 16000, "zero")
    found = FrontEnd(Settings())(clip)
    np.testing.assert_allclose(found, published(clip), atol=1e-5)
    assert abs(found[:998].mean()) < 1.5
    assert found[998:] == pytest.approx(1.017, abs=1e-3)  # what PSLA's masks are too


def test_first_frame_by_numpy():
    """One frame by Kaldi's rules: its mean off, pre-emphasis, Hann, 512 bins, triangles in mel."""
    samples = noise(1)
    frame = (samples - samples.mean())[:400].astype(float)
    frame -= frame.mean()
    frame -= 0.97 * np.concatenate([frame[:1], frame[:-1]])
    power = np.abs(np.fft.rfft(frame * np.hanning(400), 512)) ** 2
    mel = 1127 * np.log1p(np.arange(257) * 16000 / 512 / 700)
    edges = np.linspace(*(1127 * np.log1p(np.array([20, 8000]) / 700)), 130)[:, None]
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    triangles[:, -1] = 0
    wanted = np.log(np.maximum(triangles @ power, 2.0**-23))
    found = FrontEnd(Settings(mean=0.0, sigma=1.0))(samples)[0]
    np.testing.assert_allclose(found, wanted, atol=5e-3)


def test_settings_of_normalisation_and_length():
    raw = FrontEnd(Settings(frames=None, mean=0.0, sigma=1.0))(noise(2))
    assert raw.shape == (198, 128)
    halved = FrontEnd(Settings(frames=50, mean=-4.0, sigma=3.0, sigmas=2.0))(noise(2))
    np.testing.assert_allclose(halved, (raw[:50] + 4) / 6, atol=1e-6)
    features = {"front_end": "kaldi_fbank"}
    assert frames_of(features, 10.0) == 1056
    assert frames_of(features | {"kaldi_fbank": {"frames": None}}, 10.0) == 998
    assert bands_of(features) == 128


def test_clips_that_no_network_can_hear_are_told():
    front_end = FrontEnd(Settings())
    short = noise(0.02)
    assert "is too short: 320 samples" in front_end.fault(short, noise(1)[: front_end.frames(320)])
    clip = noise(1)
    own = front_end(clip)[: front_end.frames(len(clip))]
    assert len(own) == 98
    assert front_end.fault(clip, own) == ""
    assert not front_end.quiet(own).any()
    still = clip * 1e-9
    own = front_end(still)[:98]
    assert "silent to the network" in front_end.fault(still, own)
    assert front_end.quiet(own).all()


def test_a_band_above_half_the_rate_is_named():
    with pytest.raises(UserError, match=r"features\.kaldi_fbank: fmax 9000"):
        FrontEnd(Settings(fmax=9000.0))

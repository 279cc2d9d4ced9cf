"""Kaldi's log-mel filterbank features as torchaudio computes them, normalised: PSLA's front end.

The defaults are PSLA's (section II-C and its published code). AST and others divide by two
standard deviations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Annotated, Literal

import numpy as np
import torch
from torchaudio.compliance.kaldi import fbank

from vipann.errors import UserError
from vipann.features.audio import AudioFrontEnd
from vipann.features.measures import QUIET_DB
from vipann.parts import band_fault

BANDS = "mel_bands"
_KALDIS = {"hann": "hanning", "hamming": "hamming"}
_AT_FLOOR_DB = 3.0


@dataclass(frozen=True)
class Settings:
    """Of the config's `features.kaldi_fbank`."""

    sample_rate: Annotated[
        int, "Hz, after resampling (PSLA §II-C).", {"minimum": 1000, "maximum": 192000}
    ] = 16000
    window: Annotated[Literal["hamming", "hann"], "Of the analysis, symmetric."] = "hann"
    window_length: Annotated[int, "Samples: 25 ms.", {"minimum": 16, "maximum": 65536}] = 400
    hop_length: Annotated[int, "Samples: 10 ms.", {"minimum": 1, "maximum": 65536}] = 160
    mel_bands: Annotated[int, "How many.", {"minimum": 32, "maximum": 512}] = 128
    fmin: Annotated[float, "Hz (Kaldi).", {"minimum": 0}] = 20.0
    fmax: Annotated[float, "Hz, at most half the rate.", {"exclusiveMinimum": 0}] = 8000.0
    frames: Annotated[
        int | None,
        "Of a clip: cut to, or filled up to with logarithms of 0; null: as many as it has.",
        {"minimum": 1},
    ] = 1056
    mean: Annotated[float, "Subtracted (published code: AudioSet's)."] = -4.6476
    sigma: Annotated[
        float, "Standard deviation (published code: AudioSet's).", {"exclusiveMinimum": 0}
    ] = 4.5699
    sigmas: Annotated[float, "Divided by so many of them.", {"exclusiveMinimum": 0}] = 1.0


def frames(samples: int, settings: Mapping) -> int:
    """Number of frames T of a waveform."""
    own = 1 + (samples - settings["window_length"]) // settings["hop_length"]
    return settings["frames"] or max(0, own)


class FrontEnd(AudioFrontEnd):
    """Waveform (n,) at the settings' rate to (T, mel_bands), about -2.5 to 2.5.

    (ln(max(x, 2^-23)) - mean) / (sigmas * sigma), where x are Kaldi's mel bands of the power of
    frames that lie wholly in the waveform, each without its mean and with pre-emphasis 0.97. The
    waveform's own mean is taken off before. What fills up is (0 - mean) / (sigmas * sigma).
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        if fault := band_fault(vars(settings)):
            raise UserError(f"features.kaldi_fbank: {fault[0]} {fault[1]}")
        self.scale = settings.sigmas * settings.sigma
        self.decibel = log(10) / 10 / self.scale
        self.floor = self._normalised(log(torch.finfo(torch.float32).eps))

    def _normalised(self, value: float) -> float:
        return (value - self.settings.mean) / self.scale

    def frames(self, n_samples: int) -> int:
        """Those of the sound, without what fills up."""
        own = frames(n_samples, vars(self.settings) | {"frames": None})
        return min(own, self.settings.frames or own)

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        settings = vars(self.settings)
        samples = round(clip_seconds * settings["sample_rate"])
        return frames(samples, settings), settings["mel_bands"]

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        settings = self.settings
        milliseconds = 1000 / settings.sample_rate
        samples = torch.from_numpy(waveform)
        bands = fbank(
            (samples - samples.mean())[None],
            frame_length=settings.window_length * milliseconds,
            frame_shift=settings.hop_length * milliseconds,
            high_freq=settings.fmax,
            htk_compat=True,
            low_freq=settings.fmin,
            num_mel_bins=settings.mel_bands,
            sample_frequency=settings.sample_rate,
            window_type=_KALDIS[settings.window],
        ).numpy()
        total = frames(len(waveform), vars(settings))
        whole = np.zeros((total, settings.mel_bands), np.float32)
        whole[: len(bands)] = bands[:total]
        return self._normalised(whole)

    def fault(self, samples: np.ndarray, own: np.ndarray) -> str:
        settings = self.settings
        if fault := super().fault(samples, own):
            return fault
        if len(own) == 0:
            return (
                f"is too short: {len(samples)} samples at {settings.sample_rate} Hz, where a frame "
                f"of the spectrogram takes {settings.window_length}."
            )
        if own.max() < self.floor + _AT_FLOOR_DB * self.decibel:
            return (
                "is silent to the network: all of its spectrogram is at the floor. Channels that "
                "cancel each other, a dead microphone, or sound that lies wholly outside of fmin "
                f"to fmax ({settings.fmin:g} to {settings.fmax:g} Hz) look so."
            )
        return ""

    def quiet(self, own: np.ndarray) -> np.ndarray:
        return own.max(axis=1) < self.floor + QUIET_DB * self.decibel

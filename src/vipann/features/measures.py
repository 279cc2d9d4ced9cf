"""What is measured of a clip without any network: its level, band, silence, length and source."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

# Datasets of a feature file made from audio, each float32 (N,).
MEASURES = (
    "level_db",
    "peak",
    "quiet_share",
    "band_edge_hz",
    "padding_share",
    "source_rate",
    "source_seconds",
)
QUIET_DB = 20.0
_LOWEST_DB = -200.0
_EDGE_DB = 70.0
_FFT = 2048
_FRAMES = 24
# Below these an offset (DC) of the recorder would be taken for the loudest sound.
_BINS_SKIPPED = 3
_WINDOW = np.hanning(_FFT + 1)[:-1].astype(np.float32)


def measured(
    samples: np.ndarray, sample_rate: int, padded: int, source_rate: int, quiet: np.ndarray
) -> dict[str, float]:
    """`MEASURES` of a clip: mono samples (n,), to be padded to `padded` of them; `quiet` (frames,)
    tells which of its frames are at the floor.

    level_db: root mean square of the clip before padding, dB re full scale (a sample of 1), at
    least -200. peak: its largest absolute sample. quiet_share: of its frames, those that are
    within 20 dB of the spectrogram's floor in all bands. band_edge_hz: see `band_edge`.
    padding_share: padded samples / samples of the padded clip. source_rate: Hz, of the file.
    source_seconds: length before padding.
    """
    return {
        "level_db": level_db(samples),
        "peak": float(max(samples.max(), -samples.min())),
        "quiet_share": float(quiet.mean()),
        "band_edge_hz": band_edge(samples, sample_rate),
        "padding_share": max(0.0, 1 - len(samples) / padded),
        "source_rate": float(source_rate),
        "source_seconds": len(samples) / sample_rate,
    }


def level_db(samples: np.ndarray) -> float:
    """Root mean square of samples (n,) in dB re full scale (a sample of 1), at least -200."""
    power = float(np.dot(samples, samples)) / len(samples)
    return max(_LOWEST_DB, 10 * float(np.log10(max(power, 1e-30))))


def band_edge(samples: np.ndarray, sample_rate: int) -> float:
    """Highest frequency (Hz) at which samples (n,) are within 70 dB of their strongest frequency.

    Of the power spectrum averaged over at most 24 Hann windows of 2048 samples, spread evenly over
    the clip; 0 where all is silent. It shows where a recorder, a codec or a resampler cut.
    """
    samples = np.pad(samples, (0, max(0, _FFT - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)
    count = min(_FRAMES, 1 + (len(samples) - _FFT) // (_FFT // 2))
    chosen = np.linspace(0, len(frames) - 1, count).astype(np.int64)
    spectrum = np.fft.rfft(frames[chosen] * _WINDOW, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)[_BINS_SKIPPED:]
    loud = np.flatnonzero(power > max(float(power.max()) * 10 ** (-_EDGE_DB / 10), 1e-20))
    return float((loud[-1] + _BINS_SKIPPED) * sample_rate / _FFT) if loud.size else 0.0


def write_measures(file: h5py.File, measures: Mapping[str, np.ndarray] | pd.DataFrame) -> None:
    """Write the measures of a feature file's clips, each (N,); none where there are none."""
    for name in MEASURES:
        if name in measures:
            file.create_dataset(name, data=np.asarray(measures[name], dtype=np.float32))


def read_measures(file: h5py.File) -> pd.DataFrame:
    """The measures of a feature file, a row a clip; without columns for released embeddings."""
    return pd.DataFrame(
        {name: file[name][()] for name in MEASURES if name in file},
        index=range(len(file["clip_id"])),
    )


def measures_of(path: Path) -> pd.DataFrame:
    """The measures of the feature file `path`, with the clips' ids as index."""
    with h5py.File(path) as file:
        return read_measures(file).set_index(pd.Index(file["clip_id"].asstr()[()], name="clip_id"))

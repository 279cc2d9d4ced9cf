"""What noise, recorders and coders do to sound: waveforms (n,) float32 to waveforms of that length.

Nothing is clipped: samples are floats, and full scale is 1.
"""

from io import BytesIO

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfiltfilt

from vipann.errors import UserError

LOW_PASS_ORDER = 8
# Samples by which LAME and its decoder are late, where the file does not say it to the decoder.
MP3_DELAY = 1105
# What MPEG audio knows, Hz; and kbit/s at both ends of libsndfile's level of compression, from
# 32 kHz on and below.
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_MPEG_1 = 32000
_MP3_KBITS = {True: (32, 320), False: (8, 160)}
_OPUS_RATE, _OPUS_KBITS = 48000, (6, 256)


def power(samples: np.ndarray) -> float:
    """Mean of the squares of samples (n,)."""
    return float(np.mean(np.square(samples, dtype=np.float64)))


def with_noise(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Samples (n,) and noise (n,), scaled so that 10 log10(power / noise's power) is `snr_db`.

    Powers are means over the whole clip. Where a clip or the noise is silent no ratio can be had:
    the clip comes back as it is.
    """
    own, others = power(samples), power(noise)
    if not own or not others:
        return samples
    scale = np.sqrt(own / others / 10 ** (snr_db / 10))
    return (samples + scale * noise).astype(np.float32)


def shifted(samples: np.ndarray, seconds: float, rate: int) -> np.ndarray:
    """Later by `seconds`, circular: what leaves the clip at its end enters at its start."""
    return np.roll(samples, round(seconds * rate))


def amplified(samples: np.ndarray, decibels: float) -> np.ndarray:
    return (samples * 10 ** (decibels / 20)).astype(np.float32)


def low_passed(samples: np.ndarray, hertz: float, rate: int) -> np.ndarray:
    """By a Butterworth filter of order 8, forth and back: no delay, -6 dB at `hertz`."""
    sections = butter(LOW_PASS_ORDER, hertz, fs=rate, output="sos")
    # What is mirrored at the ends, as scipy has it, as far as the clip has samples for it.
    mirrored = min(3 * (2 * len(sections) + 1), len(samples) - 1)
    return sosfiltfilt(sections, samples, padlen=mirrored).astype(np.float32)


def mp3_coded(samples: np.ndarray, kbits: float, rate: int) -> np.ndarray:
    """Coded as MP3 of a constant bit rate (the nearest that MPEG knows, from 40 on), and decoded.

    Sample rates that MPEG audio does not know go through 48 kHz.
    """
    own = rate if rate in _MP3_RATES else _OPUS_RATE
    low, high = _MP3_KBITS[own >= _MPEG_1]
    level = (high - min(kbits, high)) / (high - low)
    how = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
    sent = _resampled(samples, rate, own)
    coded = _coded(sent, own, level, how)
    # At the lowest bit rates the note on the delay does not fit into the file.
    late = MP3_DELAY if len(coded) > len(sent) else 0
    return _as_long(_resampled(coded[late:], own, rate), len(samples))


def opus_coded(samples: np.ndarray, kbits: float, rate: int) -> np.ndarray:
    """Coded as Opus of about `kbits` (variable), at 48 kHz, and decoded."""
    low, high = _OPUS_KBITS
    level = (high - min(kbits, high)) / (high - low)
    how = {"format": "OGG", "subtype": "OPUS"}
    coded = _coded(_resampled(samples, rate, _OPUS_RATE), _OPUS_RATE, level, how)
    return _as_long(_resampled(coded, _OPUS_RATE, rate), len(samples))


def _coded(samples: np.ndarray, rate: int, level: float, how: dict[str, str]) -> np.ndarray:
    """Written and read by libsndfile; level: of compression, in [0, 1].

    Raises:
        UserError: this libsndfile cannot write the format.
    """
    file = BytesIO()
    about = {"samplerate": rate, "channels": 1, "compression_level": level, **how}
    try:
        with soundfile.SoundFile(file, "w", **about) as stream:
            stream.write(samples)
    except soundfile.SoundFileError as error:
        version = soundfile.__libsndfile_version__
        raise UserError(
            f"libsndfile {version} cannot write {how['format']} {how['subtype']} of {rate} Hz "
            f"({error}): take that kind out of uncertainty.robustness.conditions, or install "
            "libsndfile 1.2.2 or later."
        ) from error
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def _resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    return samples if rate == wanted else soxr.resample(samples, rate, wanted, "HQ")


def _as_long(samples: np.ndarray, length: int) -> np.ndarray:
    return np.pad(samples, (0, max(0, length - len(samples))))[:length]

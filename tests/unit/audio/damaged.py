"""Healthy files of one sound, and what copies that break off and odd writers make of them."""

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


def sound(seconds: float, rate: int = RATE) -> np.ndarray:
    """A tone in noise, quiet in its first half: mp3 spends fewer bits there."""
    times = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(times.size)
    loudness = np.where(times < seconds / 2, 0.001, 0.3)
    return loudness * (np.sin(2 * np.pi * 700 * times) / 2 + 0.3 * noise.clip(-2, 2))


def write(path: Path, seconds: float, **how) -> bytes:
    """Write the sound; returns the file's bytes."""
    with path.open("wb") as stream:
        soundfile.write(stream, sound(seconds), RATE, **how)
    return path.read_bytes()


def with_sizes(wav: bytes, riff: int, data: int) -> bytes:
    """A plain wav (head of 44 bytes) with other sizes in its head."""
    return wav[:4] + struct.pack("<I", riff) + wav[8:40] + struct.pack("<I", data) + wav[44:]


def without_total(flac: bytes) -> bytes:
    """A flac whose number of samples is 0, "unknown", as writers to a pipe leave it."""
    changed = bytearray(flac)
    changed[21] &= 0xF0
    changed[22:26] = bytes(4)
    return bytes(changed)


def without_xing(mp3: bytes) -> bytes:
    """An mp3 without its first frame, which holds the header that tells its length."""
    at = max(mp3.find(name, 0, 2000) for name in (b"Xing", b"Info"))
    start = next(i for i in range(at, -1, -1) if mp3[i] == 0xFF and mp3[i + 1] & 0xE0 == 0xE0)
    following = mp3.find(mp3[start : start + 2], start + 2)
    return mp3[following:]

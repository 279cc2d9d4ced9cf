"""Windows of long recordings, as a stream."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vipann.audio.stream import mono_stream, resampled
from vipann.features.audio import AudioFrontEnd


class Window(NamedTuple):
    """Seconds [start, end) of a recording, in sound: samples (n,), shorter than the others at a
    recording's end only. is_finite: whether the file's samples were; where not, they are 0 here."""

    start: float
    end: float
    samples: np.ndarray
    is_finite: bool = True


class Listener:
    """Cuts a recording into windows of `clip_seconds`, one every `hop_seconds`, at the front end's
    rate. The last one ends with the recording, and may be short.

    After it `source_rate` (Hz) and `seconds` say what was read.
    """

    def __init__(self, sample_rate: int, clip_seconds: float, hop_seconds: float) -> None:
        self.rate = sample_rate
        self.length = round(clip_seconds * sample_rate)
        self.hop_seconds = hop_seconds
        self.source_rate, self.seconds = 0, 0.0

    def windows(self, path: Path) -> Iterator[Window]:
        """Read a recording once; the memory that it takes does not grow with its length.

        Raises:
            UserError: it cannot be opened, or breaks off; what came before was yielded.
        """
        self.source_rate, self.seconds = 0, 0.0
        with mono_stream(path) as stream:
            self.source_rate = stream.source_rate
            yield from self._cut(resampled(stream, self.rate))

    def _cut(self, blocks: Iterator[np.ndarray]) -> Iterator[Window]:
        # `held` begins at sample `first` of the recording; window `number` begins in it.
        held, first, number = np.empty(0, np.float32), 0, 0
        for block in blocks:
            held = np.concatenate([held, block]) if len(held) else block
            self.seconds = (first + len(held)) / self.rate
            while (start := self._start(number)) + self.length <= first + len(held):
                yield self._window(held, first, start)
                number += 1
            kept = min(self._start(number) - first, len(held))
            held, first = held[kept:].copy(), first + kept
        end = first + len(held)
        heard = self._start(number - 1) + self.length if number else 0
        if end > max(heard, self._start(number)):
            yield self._window(held, first, self._start(number))

    def _start(self, number: int) -> int:
        return round(number * self.hop_seconds * self.rate)

    def _window(self, held: np.ndarray, first: int, start: int) -> Window:
        samples = held[start - first : start - first + self.length]
        # The sum is finite only if all samples are, and quicker to compute.
        is_finite = bool(np.isfinite(samples.sum()) or np.isfinite(samples).all())
        end = start + len(samples)
        return Window(start / self.rate, end / self.rate, samples.copy(), is_finite)


def heard_by(
    front_end: AudioFrontEnd, window: Window, length: int, padding: str
) -> np.ndarray | str:
    """Features of a window as in a features file, rounded to float16 too; or why there are none."""
    if not window.is_finite:
        return "samples that are not finite"
    with np.errstate(over="ignore", invalid="ignore"):
        features = front_end.padded(window.samples, length, padding)
    own = features[: front_end.frames(len(window.samples))]
    if fault := front_end.fault(window.samples, own):
        return fault.removeprefix("is ").split(":")[0].rstrip(".")
    return features.astype(np.float16)

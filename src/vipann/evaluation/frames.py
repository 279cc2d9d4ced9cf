"""Class scores of frames in a predictions file: written batch by batch, read clip by clip.

The datasets `frame_probability` and `frame_epistemic`, (R, N, T', C) float16, lie beside those of
`vipann.evaluation.predictions`, whose readers do without them. The T' frames of a clip are equally
long. float16 moves a probability by at most 2.5e-4, which is less than networks of two seeds
differ by, and halves what would be a run's largest files.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from vipann.errors import UserError
from vipann.evaluation.decomposition import entropy

PROBABILITY, EPISTEMIC = "frame_probability", "frame_epistemic"


class FrameWriter:
    """Writes the scores of frames to an open predictions file of `clips` clips; no more than a
    batch of them is in memory at a time."""

    def __init__(self, file: h5py.File, clips: int) -> None:
        self._file, self._clips, self._written = file, clips, 0

    def add(self, probability: np.ndarray, epistemic: np.ndarray) -> None:
        """Write those of the next B clips, both (R, B, T', C): the mean over Monte Carlo samples,
        in [0, 1], and the mutual information in nats (equation 8 of each class by itself)."""
        replications, clips, *shape = probability.shape
        chosen = slice(self._written, self._written + clips)
        for name, values in ((PROBABILITY, probability), (EPISTEMIC, epistemic)):
            if name not in self._file:
                self._file.create_dataset(
                    name,
                    (replications, self._clips, *shape),
                    dtype=np.float16,
                    chunks=(1, 1, *shape),
                    compression="lzf",
                )
            self._file[name][:, chosen] = values
        self._written += clips


@dataclass(frozen=True, eq=False)
class ClipFrames:
    """A clip's scores by frame and class, over all replications: each (T', C) float64.

    probability: in [0, 1]. aleatoric, epistemic: in [0, ln 2] nats, of each class by itself
    (equations 7 and 8): their sum is the binary entropy of the probability.
    """

    clip_id: str
    probability: np.ndarray
    aleatoric: np.ndarray
    epistemic: np.ndarray


@dataclass(frozen=True)
class FrameFacts:
    """What a predictions file says of its clips: classes, seconds of each, ids."""

    classes: Sequence[str]
    clip_seconds: float
    clip_ids: Sequence[str]


def read_frame_facts(path: Path | str) -> FrameFacts:
    """Raises:
    UserError: the file is missing or broken, or holds no frames.
    """
    with _opened(path) as file:
        clip_ids = file["clip_id"].asstr()[:].tolist()
        seconds = float(file.attrs["clip_seconds"])
        return FrameFacts(json.loads(file.attrs["classes"]), seconds, clip_ids)


def read_frames(path: Path | str) -> Iterator[ClipFrames]:
    """The clips of a file in its order, one in memory at a time; errors as `read_frame_facts`."""
    with _opened(path) as file:
        for number, clip_id in enumerate(file["clip_id"].asstr()[:].tolist()):
            scores = [file[name][:, number].astype(np.float64) for name in (PROBABILITY, EPISTEMIC)]
            yield over_replications(clip_id, *scores)


def over_replications(clip_id: str, probability: np.ndarray, epistemic: np.ndarray) -> ClipFrames:
    """The samples of all replications as those of one; both arguments are (R, T', C)."""
    # Where both are rounded, the part may exceed the whole.
    aleatoric = (_entropy_by_class(probability) - epistemic).clip(0.0).mean(axis=0)
    mean = probability.mean(axis=0)
    epistemic = (_entropy_by_class(mean) - aleatoric).clip(0.0)
    return ClipFrames(clip_id, mean, aleatoric, epistemic)


def _entropy_by_class(p: np.ndarray) -> np.ndarray:
    return entropy(p[..., None], "multilabel")


@contextmanager
def _opened(path: Path | str) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path}: not a predictions file ({error}). Delete it, run again."
        ) from error
    with file:
        if PROBABILITY not in file or EPISTEMIC not in file:
            raise UserError(
                f"{path} holds no scores of frames: set evaluation.frame_scores: true, and "
                "model.pooled: scores for its network."
            )
        yield file

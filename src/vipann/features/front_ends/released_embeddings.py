"""Embeddings that came with the dataset in the place of audio, one vector a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Annotated

import numpy as np

from vipann.datasets.embedding_table import EmbeddingTable
from vipann.errors import UserError
from vipann.features.audio import Heard, pad_clip

BANDS = "components"


@dataclass(frozen=True)
class Settings:
    """Of the config's `features.released_embeddings`."""

    components: Annotated[int, "Of each vector.", {"minimum": 1}] = 128


def frames(samples: int, settings: Mapping) -> int:
    """Vectors of a clip: a sample a second is all that there is."""
    return samples


class FrontEnd:
    """Vectors (T, components) of a clip, T in seconds; see `vipann.features.audio.FrontEnd`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._tables: dict[Path, EmbeddingTable] = {}
        self._lock = Lock()

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        return round(clip_seconds), self.settings.components

    def hear(self, record: Mapping, folder: Path, block: Mapping) -> Heard:
        """A shorter clip is padded as the dataset's `padding` says."""
        path = folder / record["path"]
        with self._lock:
            table = self._tables.setdefault(path, EmbeddingTable(path))
            vectors = table.of(record["clip_id"])
        seconds, components = self.shape(block["clip_seconds"])
        if vectors.shape[1] != components:
            raise UserError(
                f"{path} holds vectors of {vectors.shape[1]} components, and "
                f"features.released_embeddings.components is {components}: set it to "
                f"{vectors.shape[1]}."
            )
        padded = pad_clip(vectors[:seconds], seconds, block["padding"]).astype(np.float32)
        return Heard(padded, {})

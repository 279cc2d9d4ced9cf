"""AudioSet's released embeddings (Gemmeke et al. 2017): VGGish vectors, one a second, and labels.

The archive that Google publishes holds record files of three lists; taken here are the balanced
train list and the evaluation list, 22,160 and 20,371 clips in 527 classes. No audio is needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import pandas as pd

from vipann.datasets.adapters.audioset import CLASSES, class_ids, clips_of_videos
from vipann.datasets.archives import members_of, place
from vipann.datasets.embedding_table import EmbeddingTable, write_embeddings
from vipann.datasets.manifest import ClipTable
from vipann.datasets.tfrecord import read_examples
from vipann.errors import UserError
from vipann.files import replacing

__all__ = ["class_ids", "list_clips", "place_audio"]
AS_PUBLISHED = True
SPLITS = {"bal_train": "train", "eval": "eval"}
FRAMES, COMPONENTS = 10, 128

Clip = tuple[str, np.ndarray, list[int]]


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Write bal_train.npz and eval.npz, and place the list of classes.

    An archive holds <list>/*.tfrecord as published, or <list>.npz, in any folder. UserError names
    the archive or record file that is broken, or a list that is not there.
    """
    folder = Path(folder)
    packed = [path for path in map(Path, archives) if path.name != CLASSES]
    place([path for path in map(Path, archives) if path.name == CLASSES], folder)
    classes = len(_read_classes(folder))
    for archive in packed:
        _place_lists(archive, folder, classes)
    for name in SPLITS:
        if not _file(folder, name).is_file():
            raise UserError(
                f"{', '.join(str(path) for path in packed)}: holds neither {name}/*.tfrecord nor "
                f"{name}.npz."
            )


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Balanced train clips, split "train", then evaluation clips, "eval"; classes by index.

    `path` is the file with a clip's embeddings; its rate is 1 vector a second. UserError where a
    clip has no vector, or is in both lists.
    """
    folder, parts = Path(folder), []
    classes = _read_classes(folder)
    for name, split in SPLITS.items():
        table = EmbeddingTable(_file(folder, name))
        frames = table.arrays["n_frames"].astype(float)
        labels = table.labels(len(classes))
        parts.append(
            clips_of_videos(
                clip_id=table.arrays["ids"],
                path=_file(folder, name).name,
                duration_s=np.minimum(frames, block["clip_seconds"]),
                sample_rate=1,
                split=split,
                labels=[[classes[i] for i in np.flatnonzero(row)] for row in labels],
                sha256="",
            )
        )
    return ClipTable(pd.concat(parts, ignore_index=True), classes)


def _place_lists(archive: Path, folder: Path, classes: int) -> None:
    clips: dict[str, list[Clip]] = {name: [] for name in SPLITS}
    for member, stream in members_of(archive):
        path = PurePosixPath(member)
        if path.suffix == ".npz" and path.stem in SPLITS:
            with replacing(_file(folder, path.stem)) as beside:
                beside.write_bytes(stream.read())
        elif path.suffix == ".tfrecord" and path.parent.name in SPLITS:
            clips[path.parent.name] += _read_clips(stream, f"{archive}: {member}", classes)
    for name, rows in clips.items():
        if rows:
            # Record files hold the clips by hash; by name, the order means something.
            _write(_file(folder, name), sorted(rows, key=lambda clip: clip[0]), classes)


def _read_clips(stream: IO[bytes], name: str, classes: int) -> Iterator[Clip]:
    for context, sequences in read_examples(stream, name):
        try:
            clip_id = context["video_id"][0].decode()
            vectors = [step[0] for step in sequences["audio_embedding"]]
            labels = [int(label) for label in context["labels"]]
        except (KeyError, IndexError, AttributeError) as error:
            raise UserError(f"{name}: a record is no clip of AudioSet ({error!r}).") from error
        if {len(vector) for vector in vectors} != {COMPONENTS} or len(vectors) > FRAMES:
            raise UserError(
                f"{name}: clip {clip_id} has {len(vectors)} vectors; there should be 1 to {FRAMES} "
                f"of {COMPONENTS} components."
            )
        if not all(0 <= label < classes for label in labels):
            raise UserError(f"{name}: clip {clip_id} has a label that is not in {CLASSES}.")
        yield clip_id, np.frombuffer(b"".join(vectors), np.uint8).reshape(-1, COMPONENTS), labels


def _write(path: Path, clips: list[Clip], classes: int) -> None:
    embeddings = np.zeros((len(clips), FRAMES, COMPONENTS), dtype=np.uint8)
    labels = np.zeros((len(clips), classes), dtype=bool)
    for row, (_, vectors, own) in enumerate(clips):
        embeddings[row, : len(vectors)] = vectors
        labels[row, own] = True
    lengths = np.array([len(vectors) for _, vectors, _ in clips])
    write_embeddings(path, [clip_id for clip_id, *_ in clips], embeddings, lengths, labels)


def _read_classes(folder: Path) -> list[str]:
    return list(class_ids(folder))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npz"

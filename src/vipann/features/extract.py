"""Features of a whole dataset: one HDF5 file of log-mel spectrograms."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from vipann.datasets.manifest import ClipTable, read_manifest
from vipann.errors import UserError
from vipann.features.logmel import LogMel, load_clip
from vipann.files import digest, replacing

_WAITING_PER_WORKER = 4


def extract_features(
    manifest_path: Path,
    audio_folder: Path,
    block: Mapping,
    settings: Mapping,
    out: Path,
    workers: int,
) -> None:
    """Write the log-mel spectrogram of every clip of a manifest, in its order, to `out` (HDF5).

    Datasets: logmel (N, T, mel_bands) float16 dB, labels (N, C) uint8 multi-hot, clip_id, fold,
    split. Attributes: features (JSON of `settings`), clip_seconds, padding, task, classes (JSON),
    manifest_sha256. `block` is the dataset's block of the config, `settings` those of `LogMel`.
    `workers` threads decode and transform (libsndfile, soxr and the FFT release the interpreter
    lock); 1 uses none. The memory held does not grow with the dataset. UserError names the clip
    that is broken or not finite; nothing is left at `out` then.
    """
    table = read_manifest(manifest_path)
    front_end = LogMel(settings)
    length = round(block["clip_seconds"] * settings["sample_rate"])
    records = table.frame[["clip_id", "path", "offset_s", "duration_s"]].to_dict("records")

    def features_of(record: Mapping) -> np.ndarray:
        return _clip_features(record, Path(audio_folder), block, front_end)

    shape = (len(records), front_end.frames(length), int(settings["mel_bands"]))
    with replacing(out) as beside, h5py.File(beside, "w") as file:
        logmel = file.create_dataset("logmel", shape, "float16", chunks=(1, *shape[1:]))
        rows = _ordered_map(features_of, records, workers)
        for index, row in enumerate(
            tqdm(rows, total=len(records), desc="log-mel", unit="clip", disable=None)
        ):
            logmel[index] = row
        _write_labels(file, table)
        file.attrs.update(
            features=json.dumps(dict(settings), sort_keys=True),
            clip_seconds=float(block["clip_seconds"]),
            padding=block["padding"],
            task=block["task"],
            classes=json.dumps(table.classes),
            manifest_sha256=digest(manifest_path),
        )


def _clip_features(
    record: Mapping, audio_folder: Path, block: Mapping, front_end: LogMel
) -> np.ndarray:
    path = audio_folder / record["path"]
    try:
        waveform = load_clip(
            path,
            record["offset_s"],
            record["duration_s"],
            block["clip_seconds"],
            front_end.settings["sample_rate"],
            block["padding"],
        )
    except UserError as error:
        raise UserError(f"clip {record['clip_id']!r}: {error}") from error
    features = front_end(waveform)
    if not np.isfinite(features).all():
        raise UserError(
            f"clip {record['clip_id']!r}: the log-mel spectrogram of {path} is not finite; its "
            f"largest sample is {np.abs(waveform).max():g}, where 1 is full scale."
        )
    return features.astype(np.float16)


def _ordered_map(
    function: Callable[[Mapping], np.ndarray], items: list[dict], workers: int
) -> Iterator[np.ndarray]:
    """Like map(), by `workers` threads, with a bounded number of results waiting."""
    if workers <= 1:
        yield from map(function, items)
        return
    todo = iter(items)
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque[Future] = deque(
            pool.submit(function, item) for item in islice(todo, _WAITING_PER_WORKER * workers)
        )
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(todo, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def _write_labels(file: h5py.File, table: ClipTable) -> None:
    frame, text = table.frame, h5py.string_dtype("utf-8")
    position = {name: index for index, name in enumerate(table.classes)}
    labels = np.zeros((len(frame), len(position)), dtype=np.uint8)
    for row, names in enumerate(frame["labels"]):
        labels[row, [position[name] for name in names]] = 1
    file.create_dataset("labels", data=labels)
    file.create_dataset("clip_id", data=frame["clip_id"].tolist(), dtype=text)
    file.create_dataset("fold", data=frame["fold"].to_numpy(dtype=np.int16))
    file.create_dataset("split", data=frame["split"].tolist(), dtype=text)

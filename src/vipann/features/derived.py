"""Feature files that are made of another one: of some of its clips, for some of its classes, or
with other features of the same clips."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np

from vipann.features.measures import write_measures
from vipann.features.shards import clips_of, packed
from vipann.features.store import FeatureStore
from vipann.files import clear_partial, enough_space, replacing


def write_derived(
    store: FeatureStore,
    rows: np.ndarray,
    out: Path,
    *,
    classes: Sequence[str] | None = None,
    clips: Iterable[np.ndarray] | None = None,
) -> None:
    """Write the clips in `rows` (n,) of a feature file to `out`, in that order.

    classes: those whose labels are kept, in this order; all by default. clips: features of the
    clips, of the store's shape, in the place of its own; the measures, which are of the store's own
    audio, are left out then. All else is as in the store's file.
    """
    kept = list(store.classes) if classes is None else list(classes)
    columns = [store.classes.index(name) for name in kept]
    labels = np.ascontiguousarray(store.labels[rows][:, columns])
    shape = store.shape[1:]
    clear_partial(out)
    with (
        enough_space(out, 2 * len(rows) * int(np.prod(shape))),
        replacing(out) as beside,
        h5py.File(store.path, "r") as source,
        h5py.File(beside, "w") as file,
    ):
        name = clips_of(source).name.lstrip("/")
        features = file.create_dataset(name, (len(rows), *shape), "float16", chunks=(1, *shape))
        own = (store.read([row])[0] for row in rows)
        for position, clip in enumerate(own if clips is None else clips):
            corner = (position, *(0 for _ in shape))
            features.id.write_direct_chunk(corner, np.ascontiguousarray(clip, dtype=np.float16))
        file.create_dataset("labels", data=labels, **packed(labels))
        file.create_dataset("fold", data=store.fold[rows])
        for key, values in (
            ("clip_id", store.clip_ids),
            ("split", store.split),
            ("recording", store.recording),
        ):
            text = h5py.string_dtype("utf-8")
            file.create_dataset(key, data=values[rows].astype(object), dtype=text)
        if clips is None:
            write_measures(file, store.clip_measures.iloc[rows])
        file.attrs.update(source.attrs)
        file.attrs["classes"] = json.dumps(kept)

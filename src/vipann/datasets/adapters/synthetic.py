"""Adapter `synthetic`: audio that the workflow makes itself, for a run without any download.

Options by `set`, each with `sample_rate` (Hz); classes are names in `synthesis.sounds.SOUNDS`:

- events (multilabel): train_clips, eval_clips, max_events, imbalance, snr_db, classes
- scenes (multiclass): clips_per_class_and_fold, snr_db, classes
- ships (unlabelled): recordings, seconds

The schema of the config says what is missing, unknown or out of bounds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.datasets.strong_labels import COLUMNS as STRONG_COLUMNS
from vipann.datasets.synthesis import scenes
from vipann.datasets.synthesis.sounds import SOUNDS
from vipann.errors import UserError
from vipann.files import replacing
from vipann.progress import progress

DRAWN = True
STRONG_LABELS = True
_LABELS = "labels.csv"
_TASKS = {"events": "multilabel", "scenes": "multiclass", "ships": "unlabelled"}
_DEFAULTS: dict[str, Any] = {"max_events": 3, "imbalance": 1.0, "snr_db": [5, 25], "classes": None}


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int) -> None:
    """Generate the set that block["options"] describes: 16-bit mono FLAC files and `labels.csv`.

    labels.csv has a row per file; `labels` and `events` are joined by ";", an event reads
    class@onset+duration with both in seconds. The same block and seed give the same bytes.
    Raises UserError for options that do not fit together.
    """
    options = _options(block)
    if archives:
        raise UserError("adapter synthetic makes its own audio: set the dataset's archives to []")
    plans = list(scenes.PLANNERS[options["set"]](options, block, seed))
    rate, classes = options["sample_rate"], scenes.class_names(options)
    rows = []
    for plan in progress(plans, len(plans), f"synthetic {options['set']}", "clip"):
        path = folder / plan.path
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, scenes.render(plan, rate), rate, format="FLAC", subtype="PCM_16")
        # Those of ships are no classes.
        events = [event for event in plan.events if event.label in classes]
        present = {event.label for event in events}
        rows.append(
            {
                "clip_id": plan.clip_id,
                "path": plan.path,
                "split": plan.split,
                "fold": plan.fold,
                "labels": ";".join(name for name in classes if name in present),
                "events": ";".join(f"{e.label}@{e.onset_s:.3f}+{e.duration_s:.3f}" for e in events),
            }
        )
    with replacing(folder / _LABELS) as beside:
        pd.DataFrame(rows).to_csv(beside, index=False)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """List what labels.csv names; recordings of ships are cut into windows of clip_seconds.

    A rest shorter than a window is left out, unless it is all there is. `seed` is not used.
    Raises UserError where labels.csv is missing or names a class that the options leave out.
    """
    options, seconds = _options(block), float(block["clip_seconds"])
    unlabelled = options["set"] == "ships"
    classes = [] if unlabelled else scenes.class_names(options)
    if not (folder / _LABELS).is_file():
        raise UserError(
            f"{folder / _LABELS} is missing. Delete {folder}, so that the audio is made anew."
        )
    rows = []
    table = pd.read_csv(folder / _LABELS, dtype={"fold": int}, keep_default_na=False)
    for row in table.to_dict("records"):
        labels = [label for label in row["labels"].split(";") if label]
        if not set(labels) <= set(classes):
            raise UserError(
                f"{folder / _LABELS}: clip {row['clip_id']} has labels {labels}, but the config's "
                f"classes are {classes}. Delete {folder}, so that the audio is made anew."
            )
        audio = inspect_audio(folder, row["path"])
        place = {"fold": row["fold"], "split": row["split"]}
        windows = max(int(audio.duration_s / seconds + 1e-9), 1) if unlabelled else 1
        for i in range(windows):
            clip_id = f"{row['clip_id']}-w{i:02d}" if unlabelled else row["clip_id"]
            rows.append(clip_row(audio, clip_id, labels, seconds, offset_s=i * seconds, **place))
    return clip_table(rows, classes)


def strong_labels(folder: Path, block: Mapping) -> pd.DataFrame:
    """The events of labels.csv: clip_id, class, onset_s, offset_s (s from the clip's start).

    An event ends with its dry sound; its reverberation may be heard for longer. Recordings of ships
    have no labels, and so no rows.
    """
    table = pd.read_csv(folder / _LABELS, keep_default_na=False)
    rows = []
    for row in table.to_dict("records"):
        for event in filter(None, row["events"].split(";")):
            label, _, times = event.rpartition("@")
            onset, duration = map(float, times.split("+"))
            offset = min(onset + duration, float(block["clip_seconds"]))
            rows.append((row["clip_id"], label, onset, offset))
    return pd.DataFrame(rows, columns=list(STRONG_COLUMNS))


def _options(block: Mapping) -> dict[str, Any]:
    """block["options"], with defaults; UserError where they do not fit together, or the block."""
    options = _DEFAULTS | dict(block["options"])
    kind, classes, faults = options["set"], options["classes"], []
    known = classes is None or (classes and set(classes) <= set(SOUNDS))
    if not known or len(set(classes or [])) < len(classes or []):
        names = ", ".join(SOUNDS)
        faults.append(
            f"options.classes is {classes}; it is null, or a list without repeats of {names}"
        )
    for key in ("snr_db", "seconds"):
        if options.get(key, [0, 0])[0] > options.get(key, [0, 0])[1]:
            faults.append(f"options.{key} is {options[key]}; give the lower number first")
    if options.get("seconds", [1])[0] < 1:
        faults.append(f"options.seconds is {options['seconds']}; recordings last 1 s or more")
    if block["task"] != _TASKS[kind]:
        faults.append(f"the set {kind} needs task: {_TASKS[kind]}, not {block['task']}")
    if kind == "scenes" and not (isinstance(block["folds"], int) and block["folds"]):
        faults.append("the set scenes needs folds of 1 or more, as a number")
    if faults:
        raise UserError(f"adapter synthetic: {faults[0]}")
    return options

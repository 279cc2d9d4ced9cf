"""Adapter `synthetic`: audio that the workflow makes itself, for a run without any download.

Options by `set`, each with `sample_rate` (Hz); classes are names in `synthesis.sounds.SOUNDS`:

- events (multilabel): train_clips, eval_clips, max_events, imbalance, snr_db, classes
- scenes (multiclass): clips_per_class_and_fold, snr_db, classes
- ships (unlabelled): recordings, seconds
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.datasets.synthesis import scenes
from vipann.datasets.synthesis.sounds import SOUNDS
from vipann.errors import UserError
from vipann.files import replacing
from vipann.progress import progress

DRAWN = True
LABELS = "labels.csv"
COLUMNS = ["clip_id", "path", "split", "fold", "labels", "events"]
TASKS = {"events": "multilabel", "scenes": "multiclass", "ships": "unlabelled"}


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int) -> None:
    """Generate the set that block["options"] describes: 16-bit mono FLAC files and `labels.csv`.

    labels.csv has a row per file; `labels` and `events` are joined by ";", an event reads
    class@onset+duration with both in seconds. The same block and seed give the same bytes.
    Raises UserError for options that are missing, unknown or out of bounds.
    """
    options = checked_options(block)
    if archives:
        raise UserError("adapter synthetic makes its own audio: set the dataset's archives to []")
    plans = scenes.PLANNERS[options["set"]](options, block, seed)
    rate = options["sample_rate"]
    rows = []
    for plan in progress(plans, len(plans), f"synthetic {options['set']}", "clip"):
        path = folder / plan.path
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, scenes.render(plan, rate), rate, format="FLAC", subtype="PCM_16")
        present = {event.label for event in plan.events}
        labels = [name for name in scenes.class_names(options) if name in present]
        events = [f"{e.label}@{e.onset_s:.3f}+{e.duration_s:.3f}" for e in plan.events]
        cells = (plan.clip_id, plan.path, plan.split, plan.fold, ";".join(labels), ";".join(events))
        rows.append(cells)
    with replacing(folder / LABELS) as beside, beside.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """List what labels.csv names; recordings of ships are cut into windows of clip_seconds.

    A rest shorter than a window is left out, unless it is all there is. `seed` is not used.
    Raises UserError where labels.csv is missing or names a class that the options leave out.
    """
    options = checked_options(block)
    unlabelled = options["set"] == "ships"
    classes = [] if unlabelled else scenes.class_names(options)
    seconds = float(block["clip_seconds"])
    rows = []
    for row in _read_labels(folder / LABELS):
        labels = [label for label in row["labels"].split(";") if label]
        if not set(labels) <= set(classes):
            raise UserError(
                f"{folder / LABELS}: clip {row['clip_id']} has labels {labels}, but the config's "
                f"classes are {classes}. Delete {folder}, so that the audio is made anew."
            )
        audio = inspect_audio(folder, row["path"])
        place = {"fold": int(row["fold"]), "split": row["split"]}
        windows = max(int(audio.duration_s / seconds + 1e-9), 1) if unlabelled else 1
        for i in range(windows):
            clip_id = f"{row['clip_id']}-w{i:02d}" if unlabelled else row["clip_id"]
            rows.append(clip_row(audio, clip_id, labels, seconds, offset_s=i * seconds, **place))
    return clip_table(rows, classes)


def _read_labels(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise UserError(f"{path} is missing. Delete {path.parent}, so that the audio is made anew.")
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _pair(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and len(value) == 2
        and all(map(_is_number, value))
        and value[0] <= value[1]
    )


def _classes(value: Any) -> bool:
    if value is None:
        return True
    known = isinstance(value, list) and bool(value) and all(name in SOUNDS for name in value)
    return known and len(set(value)) == len(value)


_COUNT = (_count, "a whole number of 1 or more")
_PAIR = (_pair, "two numbers, the lower one first, such as [0, 20]")
_CLASSES = (_classes, f"null, or a list without repeats of {', '.join(SOUNDS)}")
_COMMON: dict[str, tuple[Callable[[Any], bool], str]] = {
    "set": (lambda value: value in TASKS, f"one of {', '.join(TASKS)}"),
    "sample_rate": (lambda v: _count(v) and v >= 8000, "a whole number of Hz, 8000 or more"),
}
_OPTIONS = {
    "events": {
        **_COMMON,
        "train_clips": _COUNT,
        "eval_clips": _COUNT,
        "max_events": _COUNT,
        "imbalance": (lambda v: _is_number(v) and v >= 0, "a number of 0 or more (0: balanced)"),
        "snr_db": _PAIR,
        "classes": _CLASSES,
    },
    "scenes": {
        **_COMMON,
        "clips_per_class_and_fold": _COUNT,
        "snr_db": _PAIR,
        "classes": _CLASSES,
    },
    "ships": {
        **_COMMON,
        "recordings": _COUNT,
        "seconds": (lambda v: _pair(v) and v[0] >= 1, "two numbers, the lower one (>= 1) first"),
    },
}


def checked_options(block: Mapping) -> dict[str, Any]:
    """Return block["options"] with `classes` filled in; raise UserError where they don't fit."""
    options = dict(block["options"])
    kind = options.get("set")
    known = _OPTIONS.get(kind, _COMMON) if isinstance(kind, str) else _COMMON
    if "classes" in known:
        options.setdefault("classes", None)
    for key, (fits, meaning) in known.items():
        if key not in options or not fits(options[key]):
            found = repr(options[key]) if key in options else "missing"
            raise UserError(f"adapter synthetic: options.{key} is {found}; it must be {meaning}")
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f"adapter synthetic: unknown options {', '.join(unknown)}; "
            f"the set {kind} takes {', '.join(known)}"
        )
    if block["task"] != TASKS[kind]:
        raise UserError(
            f"adapter synthetic: the set {kind} needs task: {TASKS[kind]}, not {block['task']}"
        )
    if kind == "scenes" and not _count(block["folds"]):
        raise UserError("adapter synthetic: the set scenes needs folds of 1 or more")
    return options

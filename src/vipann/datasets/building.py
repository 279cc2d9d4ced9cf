"""A manifest is made: a dataset's clips are listed by its adapter, and checked before anything is
learned from them."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.datasets.archives import place
from vipann.datasets.independence import refuse_or_report, with_copies_joined
from vipann.datasets.manifest import MISSING_COLUMNS, ClipTable, refuse, validate, write_manifest
from vipann.datasets.registry import adapter, declares
from vipann.errors import DataWarning, UserError
from vipann.files import replacing
from vipann.folds import fold_numbers, never_trained, wording

_SHOWN = 5
# What tables hold in the place of a label that is missing, in lower case.
_NO_LABEL = {"nan", "na", "n/a", "#n/a", "<na>", "none", "null", "nil"}


def place_audio(
    archives: Sequence[Path], folder: Path, block: Mapping[str, Any], seed: int | None
) -> None:
    """Bring a dataset's audio into `folder`: as its adapter does, or unpacked."""
    own = getattr(adapter(block["adapter"]), "place_audio", None)
    if own is None:
        place(archives, folder)
    else:
        own(archives, folder, block, seed)


def build_manifest(
    adapter_name: str,
    folder: Path,
    block: Mapping,
    seed: int,
    out: Path,
    missing_out: Path | None = None,
    validation: str | None = "none",
    tested: Collection[int] | None = None,
) -> ClipTable:
    """List the clips of a placed dataset by its adapter, check them, write them to `out`.

    `block` is the dataset's block of the config. Labels and classes are dropped where
    `block["task"]` is "unlabelled". Listed clips that could not be had go to the CSV
    `missing_out` with their reasons. `validation`: the config's validation.split, None where
    networks are not cross-validated on the dataset; `tested`: the folds that they are tested on,
    None for all. UserError names the file and line, or the folder and clip, that is wrong; a fold
    of the config without clips is one too. What may be meant and may not is a DataWarning, and is
    written with the manifest.
    """
    table, task = adapter(adapter_name).list_clips(Path(folder), block, seed), block["task"]
    if task == "unlabelled":
        frame = table.frame.assign(labels=[[] for _ in range(len(table.frame))])
        table = replace(table, frame=frame, classes=[])
    source, folds = str(folder), fold_numbers(block.get("folds") or 0)
    validate(table, source, folds=folds, clip_seconds=block["clip_seconds"])
    _refuse_for_task(table.frame, task, source)
    odd = refuse_names(table.frame, source)
    frame, copies = with_copies_joined(table.frame)
    leaks = refuse_or_report(frame, source, bool(folds), declares(adapter_name, "AS_PUBLISHED"))
    table = replace(table, frame=frame, warnings=[*table.warnings, *copies, *leaks, *odd])
    # Before the folds are judged: what is odd may be why they are wrong.
    for warning in table.warnings:
        warnings.warn(warning, DataWarning, stacklevel=2)
    if task == "multiclass" and folds and validation is not None:
        refuse_untrained(frame, validation, source, tested)
    _refuse_empty_folds(frame, folds, source)
    if missing_out is not None:
        with replacing(missing_out) as beside:
            table.missing.to_csv(beside, index=False, columns=list(MISSING_COLUMNS))
    write_manifest(table, out)
    return table


def _refuse_for_task(frame: pd.DataFrame, task: str, source: str) -> None:
    if task == "multiclass":
        refuse(frame, frame["labels"].map(len) != 1, source, "needs exactly one label")
        split = "has a split, which is for task: multilabel; remove it, and name folds instead"
        refuse(frame, frame["split"] != "", source, split)
    refuse_too_few(frame, task, source)


def refuse_names(frame: pd.DataFrame, source: str) -> list[str]:
    """Warnings about labels that read like missing ones; UserError where two differ by case only.

    The message names a clip, by its line if it has one, of each of the two labels.
    """
    first = frame.explode("labels").dropna(subset="labels").drop_duplicates("labels")
    origins = first["origin"] if "origin" in first else [""] * len(first)
    places = {
        name: f"{origin or source} ({path})"
        for name, path, origin in zip(first["labels"], first["path"], origins, strict=True)
    }
    by_lower: dict[str, str] = {}
    for name, where in places.items():
        other = by_lower.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"{where}: the label {name!r} differs by case only from {other!r} of "
                f"{places[other]}. Spell them alike."
            )
    return [
        f"{where}: the label {name!r} is a class like any other; if it stands for a missing label, "
        "correct it or leave the clip out."
        for name, where in places.items()
        if name.casefold() in _NO_LABEL
    ]


def refuse_too_few(frame: pd.DataFrame, task: str, source: str) -> None:
    """UserError where there is nothing to learn: under two classes, or no label at all."""
    there = frame["labels"].explode().dropna().unique()
    if task == "multiclass" and len(there) < 2:
        raise UserError(
            f"{source}: all clips are of one class, {there[0]!r}; a multi-class task needs at "
            "least two; is `path` one folder too high? Where classes mean nothing (ood), set task: "
            "unlabelled."
        )
    if task == "multilabel" and not len(there):
        raise UserError(
            f"{source}: no clip has a label; a multi-label task needs at least one class."
        )


def refuse_untrained(
    frame: pd.DataFrame, validation: str, source: str, tested: Collection[int] | None = None
) -> None:
    """UserError that names the classes which some fold tests and no network tested on it learns.

    `validation`: "none" or "next_fold", the config's validation.split. `tested`: the folds that
    networks are tested on, None for all.
    """
    pairs = frame[["labels", "fold"]].explode("labels").dropna().drop_duplicates()
    folds_of = {name: set(folds) for name, folds in pairs.groupby("labels")["fold"]}
    wrong = never_trained(folds_of, sorted(set(frame["fold"])), validation, tested)
    if not wrong:
        return
    found = []
    for name, tests in list(wrong.items())[:_SHOWN]:
        own = sorted(folds_of[name])
        place = f"is in fold{'s' * (len(own) > 1)} {' and '.join(map(str, own))} only"
        found.append(f"{name} {place}" + ("" if own == tests else f" (tested in fold {tests[0]})"))
    if len(wrong) > _SHOWN:
        found.append(f"so are {len(wrong) - _SHOWN} more classes")
    it = "it" if len(wrong) == 1 else "them"
    least = "2 folds" if validation == "none" else "3 folds, or set validation.split: none"
    raise UserError(
        f"{source}: {', '.join(found)}: no network tested on {it} was trained on {it}. "
        "Add recordings (of other groups, if you name groups) so that each class is in at least "
        f"{least}; or leave the class out."
    )


def _refuse_empty_folds(frame: pd.DataFrame, folds: Sequence[int], source: str) -> None:
    there = sorted(set(frame["fold"].tolist()))
    if empty := [fold for fold in folds if fold not in there]:
        recordings = frame["recording"].nunique()
        few = (
            f"There are only {recordings} recordings (or groups): set folds: {recordings} or fewer."
        )
        as_there = f"Set `folds` of this dataset to what there is: folds: {there}."
        raise UserError(
            f"{source}: the config counts on folds {wording(folds)}, but no clip is in {empty}. "
            + (few if recordings < len(folds) else as_there)
        )

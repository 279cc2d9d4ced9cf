"""Whether a dataset's classes can be told apart at all: their names, and where their clips lie."""

from collections.abc import Collection, Iterator, Sequence

import pandas as pd

from vipann.errors import UserError
from vipann.folds import never_trained

_SHOWN = 5
# What tables hold in the place of a label that is missing, in lower case.
_NO_LABEL = {"nan", "na", "n/a", "#n/a", "<na>", "none", "null", "nil"}
# Folders that hold a part of a dataset, or its audio, rather than a class.
_NO_CLASS = {
    *("train", "training", "test", "testing", "val", "valid", "validation", "eval", "evaluation"),
    *(
        "dev",
        "audio",
        "audios",
        "wav",
        "wavs",
        "flac",
        "mp3",
        "clips",
        "recordings",
        "sounds",
        "data",
    ),
}
TOO_HIGH = "is `path` one folder too high?"


def refuse_names(frame: pd.DataFrame, source: str) -> list[str]:
    """Warnings about labels that read like missing ones; UserError where two differ by case only.

    The message names a clip, by its line if it has one, of each of the two labels.
    """
    first = _first_of_each(frame)
    by_lower: dict[str, str] = {}
    for name in first:
        other = by_lower.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"{_place(frame, first[name], source)}: the label {name!r} differs by case only "
                f"from {other!r} of {_place(frame, first[other], source)}. Spell them alike."
            )
    return [
        f"{_place(frame, first[name], source)}: the label {name!r} is a class like any other; if "
        "it stands for a missing label, correct it or leave the clip out."
        for name in first
        if name.casefold() in _NO_LABEL
    ]


def refuse_too_few(frame: pd.DataFrame, task: str, source: str) -> None:
    """UserError where there is nothing to learn: under two classes, or no label at all."""
    there = sorted({label for labels in frame["labels"] for label in labels})
    if task == "multiclass" and len(there) < 2:
        raise UserError(
            f"{source}: all clips are of one class, {there[0]!r}; a multi-class task needs at "
            f"least two; {TOO_HIGH} Where classes mean nothing (ood), set task: unlabelled."
        )
    if task == "multilabel" and not there:
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
    told = []
    for name, tests in list(wrong.items())[:_SHOWN]:
        own = sorted(folds_of[name])
        place = f"is in fold{'s' * (len(own) > 1)} {' and '.join(map(str, own))} only"
        told.append(f"{name} {place}" + ("" if own == tests else f" (tested in fold {tests[0]})"))
    if len(wrong) > _SHOWN:
        told.append(f"so are {len(wrong) - _SHOWN} more classes")
    it = "it" if len(wrong) == 1 else "them"
    least = "2 folds" if validation == "none" else "3 folds, or set validation.split: none"
    raise UserError(
        f"{source}: {', '.join(told)}: no network tested on {it} was trained on {it}. "
        "Add recordings (of other groups, if you name groups) so that each class is in at least "
        f"{least}; or leave the class out."
    )


def odd_class_folders(paths: Sequence[str], source: str) -> Iterator[str]:
    """Warnings where class folders (the first of each path) may be none.

    UserError where all of them are named like the parts of a dataset.
    """
    deep: dict[str, bool] = {}
    for path in paths:
        name, *rest = path.split("/")
        deep[name] = deep.get(name, True) and len(rest) > 1
    named = [name for name in deep if name.casefold() in _NO_CLASS]
    example = (
        f"Set path to one of them ({source}/{next(iter(deep))}), or list files in options.csv."
    )
    if named and len(named) == len(deep):
        raise UserError(f"{source}: the classes would be {', '.join(named)}; {TOO_HIGH} {example}")
    if named:
        yield f"{source}: is {', '.join(named)} a class? Every folder in `path` is one."
    if all(deep.values()):
        yield (
            f"{source}: the class folders ({', '.join(list(deep)[:_SHOWN])}) hold folders and no "
            f"audio themselves; {TOO_HIGH} If not, all is well."
        )


def _first_of_each(frame: pd.DataFrame) -> dict[str, int]:
    """Position of the first clip with each label, in the order of the clips."""
    first: dict[str, int] = {}
    for position, labels in enumerate(frame["labels"]):
        for label in labels:
            first.setdefault(label, position)
    return first


def _place(frame: pd.DataFrame, position: int, source: str) -> str:
    row = frame.iloc[position]
    return f"{row.get('origin') or source} ({row['path']})"

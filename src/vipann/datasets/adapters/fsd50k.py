"""FSD50K (Fonseca et al. 2020): 51,197 clips of Freesound in 200 of AudioSet's classes.

From the official archives, the audio's in several parts; clips last 0.3 to 30 s. Labels of the
development set (train and val) are correct and may be incomplete, those of the evaluation set are
complete; all are published with everything that they are a kind of.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.datasets.metadata import class_names, freesound, read_rows, refuse, whole_numbers
from vipann.errors import UserError

AS_PUBLISHED = True
TRUTH = "FSD50K.ground_truth"
_VOCABULARY = ("index", "label", "mid")


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Unpack the archives: FSD50K.{dev_audio,eval_audio,ground_truth,metadata}."""
    place(archives, folder)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips in the order of dev.csv, split "train" or "val" as published, and of eval.csv, "eval".

    A clip is called by its number on Freesound; longer ones are cut to their first clip_seconds, as
    PSLA does. Classes are those of vocabulary.csv, in its order. UserError names the line, or the
    file of audio, that is wrong.
    """
    folder = Path(folder)
    ids = class_ids(folder)
    dev = read_rows(folder / TRUTH / "dev.csv", ["fname", "labels", "mids", "split"])
    known = dev["split"].isin(["train", "val"])
    refuse(dev, ~known, lambda row: f"split {row['split']!r} is neither train nor val")
    evaluated = read_rows(folder / TRUTH / "eval.csv", ["fname", "labels", "mids"])
    folders = ["FSD50K.dev_audio"] * len(dev) + ["FSD50K.eval_audio"] * len(evaluated)
    table = pd.concat([dev, evaluated.assign(split="eval")], ignore_index=True)
    whole_numbers(table, "fname")
    refuse(table, table["fname"].duplicated(), lambda row: f"{row['fname']} is listed before")
    labels = table["labels"].str.split(",")
    mids = [",".join(ids.get(name, "") for name in names) for names in labels]
    refuse(
        table,
        table["mids"] != mids,
        lambda row: (
            f"labels {row['labels']!r} and mids {row['mids']!r} are not as in vocabulary.csv"
        ),
    )
    paths = [f"{place}/{name}.wav" for place, name in zip(folders, table["fname"], strict=True)]
    files = inspect_all(folder, paths, "clips")
    rows = [
        clip_row(
            audio,
            row["fname"],
            names,
            block["clip_seconds"],
            split=row["split"],
            origin=row["origin"],
            recording=freesound(row["fname"]),
        )
        for audio, names, row in zip(files, labels, table.to_dict("records"), strict=True)
    ]
    return clip_table(rows, list(ids))


def class_ids(folder: Path) -> dict[str, str]:
    """Class name -> mid, its id in AudioSet's ontology, which has other names; by index.

    vocabulary.csv has no header: 0,Accelerating_and_revving_and_vroom,/m/07q2z82.
    """
    path = Path(folder) / TRUTH / "vocabulary.csv"
    try:
        table = pd.read_csv(path, names=_VOCABULARY, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    table["origin"] = [f"{path}, line {n}" for n in range(1, len(table) + 1)]
    table["index"] = whole_numbers(table, "index", range(len(table)))
    refuse(table, table["mid"].duplicated(), lambda row: f"mid {row['mid']} comes twice")
    mids = table.sort_values("index")["mid"]
    return dict(zip(class_names(table, "index", "label"), mids, strict=True))

"""ShipsEar (Santos-Domínguez et al. 2016): 90 hydrophone recordings of ships, 15 s to 10 min."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_table
from vipann.datasets.metadata import label_name, read_rows, refuse
from vipann.datasets.recordings import cut, find_recordings
from vipann.errors import UserError

BY_HAND = "recordings"
_ID = re.compile(r"0*([0-9]+)[ _]")


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Place `archives` if there are any, else link `recordings` beside `folder`.

    The dataset is given on request only, so the usual way is that the user puts the recordings
    there, or sets options.path, which is read in place. UserError says how to get them.
    """
    folder = Path(folder)
    if archives:
        place(archives, folder)
        return
    by_hand = folder.parent / BY_HAND
    if not by_hand.is_dir():
        raise UserError(
            "ShipsEar (90 recordings of 11 types of vessels and of background noise) is given on "
            "request: ask its authors at https://underwaternoise.atlanttic.uvigo.es, then put the "
            f"wav files into {by_hand}, or set datasets.<name>.options.path in your config to the "
            "folder that holds them."
        )
    (folder / BY_HAND).symlink_to(by_hand.resolve(), target_is_directory=True)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Every recording in whole consecutive windows of clip_seconds, in the order of the paths.

    The paper uses no labels. Names (6__10_07_13_marDeCangas_Entra.wav) start with the recording's
    number and don't tell its type; `options.csv` may: a table below `folder` with the columns ID
    and Type, separated by commas, semicolons or tabs, such as the authors' spreadsheet as CSV.
    UserError names the file or the line.
    """
    folder, options = Path(folder), block.get("options") or {}
    paths = find_recordings(folder)
    types: dict[str, str] = {}
    classes: list[str] = []
    if options.get("csv") and block["task"] != "unlabelled":
        types, classes = _read_types(folder / options["csv"])
    rows: list[dict] = []
    for audio in inspect_all(folder, paths, "shipsear"):
        labels = [_type_of(audio.path, types, options["csv"])] if types else []
        rows.extend(cut(audio, labels, block["clip_seconds"], whole=True))
    return clip_table(rows, classes)


def _read_types(csv: Path) -> tuple[dict[str, str], list[str]]:
    """Type of vessel by the recording's number, and all types in sorted order."""
    table = read_rows(csv, ["id", "type"], separators=",;\t", any_case=True)
    if table.empty:
        raise UserError(f"{csv} (options.csv) lists no recordings: nothing is below its header.")
    table["id"] = table["id"].str.lstrip("0")
    table["type"] = table["type"].map(label_name)
    refuse(
        table, ~table["id"].str.fullmatch("[0-9]+"), lambda row: f"id {row['id']!r} is no number"
    )
    refuse(table, table["type"] == "", lambda row: "the type is empty")
    types = dict(zip(table["id"][::-1], table["type"][::-1], strict=True))
    refuse(
        table,
        table["type"] != table["id"].map(types),
        lambda row: f"type {row['type']!r}, but id {row['id']} is {types[row['id']]!r} further up",
    )
    return types, sorted(table["type"].unique())


def _type_of(path: str, types: Mapping[str, str], csv: str) -> str:
    match = _ID.match(Path(path).name)
    if match is None or match[1] not in types:
        raise UserError(f"{path}: {csv} (options.csv) lists no recording with its leading number.")
    return types[match[1]]

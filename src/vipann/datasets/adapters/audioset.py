"""AudioSet (Gemmeke et al. 2017): Google's lists of labelled segments, and audio that you have.

The lists name 10 s segments of YouTube videos; the audio has to be obtained by everyone for
themselves, and a part of the videos is gone (the paper had 1.7 of 2.1 million). So a clip without
audio is written down as missing, with its reason, and never stops a run.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from vipann.audio.probe import AudioFile, inspect_or_error
from vipann.audio.walk import find_audio
from vipann.datasets.archives import place
from vipann.datasets.manifest import COLUMNS, MISSING_COLUMNS, ClipTable
from vipann.datasets.metadata import class_names, read_rows, refuse, whole_numbers
from vipann.errors import UserError
from vipann.progress import progress

AS_PUBLISHED = True
SUMS_BY_OPTION = True
LISTS = {
    "balanced_train_segments.csv": "train",
    "unbalanced_train_segments.csv": "train",
    "eval_segments.csv": "eval",
}
CLASSES = "class_labels_indices.csv"
CLIPS, FETCHED = "clips", "fetched"
# In the order of preference, where a clip lies there in several formats.
SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".m4a", ".webm")
_NAME = re.compile(r"Y?([A-Za-z0-9_-]{11})(?:_[0-9.]+){0,2}")
_YTID = r"[A-Za-z0-9_-]{11}"
_PROMISED = re.compile(r"num_segs=([0-9]+)")
# A clip is cut to its segment, give or take what cutters round and what a video ends earlier.
_TOLERANCE_S = 1.0


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Place the lists (and the records of `audioset_fetch`), and link the clips as `clips`.

    The clips lie in options.audio_dir, by default in `clips` beside `folder`. UserError where
    there is no such folder says what to do.
    """
    folder = Path(folder)
    lists = [path for path in map(Path, archives) if path.name in (*LISTS, CLASSES)]
    for one in lists:
        place([one], folder, one.parent)
    (folder / FETCHED).mkdir()
    for record in sorted(set(map(Path, archives)) - set(lists)):
        place([record], folder / FETCHED, record.parent)
    clips = clips_folder(folder.parent, block)
    if not clips.is_dir():
        raise UserError(
            f"AudioSet's audio is not at {clips}. If you have it, set options.audio_dir of this "
            "dataset to the folder with <YouTube id>.wav (or flac, ogg, mp3, m4a, webm). If not, "
            "set options.fetch: true: the workflow then fetches what is still on YouTube, with "
            "yt-dlp and ffmpeg, in options.fetch_shards resumable jobs."
        )
    (folder / CLIPS).symlink_to(clips.resolve(), target_is_directory=True)


def clips_folder(dataset_folder: Path, block: Mapping) -> Path:
    """Where the clips lie: options.audio_dir, else `clips` below the dataset's data folder."""
    own = (block.get("options") or {}).get("audio_dir")
    return Path(own).expanduser() if own else Path(dataset_folder) / CLIPS


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """One row per segment whose audio is there, in the order of the lists; classes by index.

    Split: both train lists are "train", eval_segments.csv is "eval"; a list that is not among the
    `archives` is left out. Files are read in full, and sums computed, with options.checksums only,
    as reading all of AudioSet takes days. `missing` says of every other segment why it is not
    there: no file, what fetching said, not readable, or over a second longer than its segment
    (then it is not cut) or shorter (then most would be padding). UserError names the file and
    line of a list that is wrong.
    """
    folder = Path(folder)
    names = read_classes(folder / CLASSES)
    segments = _read_all(folder, names)
    segments["path"] = segments["ytid"].map(index_clips(folder / CLIPS))
    there = segments["path"].notna()
    known = _reasons(folder / FETCHED)
    reasons = segments["ytid"].map(known).fillna("no file in the audio folder").mask(there, "")
    present = segments[there]
    listed = (f"{CLIPS}/" + present["path"]).tolist()
    checksum = bool((block.get("options") or {}).get("checksums"))
    found = inspect_or_error(folder, listed, checksum=checksum)
    files = []
    found = progress(found, len(listed), "audioset", "file")
    for audio, (row, length_s) in zip(found, present["length_s"].items(), strict=True):
        try:
            files.append(checked_length(audio, length_s))
        except UserError as error:
            reasons[row] = str(error)
    heard = segments[reasons == ""]
    frame = clips_of_videos(
        clip_id=heard["ytid"].to_numpy(),
        path=[audio.path for audio in files],
        duration_s=np.minimum([audio.duration_s for audio in files], float(block["clip_seconds"])),
        sample_rate=[audio.sample_rate for audio in files],
        split=heard["split"].to_numpy(),
        labels=[[names[mid] for mid in mids.split(",")] for mids in heard["mids"]],
        sha256=[audio.sha256 for audio in files],
    )
    # Those without a file come first.
    gone = segments.assign(clip_id=segments["ytid"], reason=reasons)[reasons != ""]
    gone = gone.assign(there=there).sort_values("there", kind="stable")
    gone = gone[list(MISSING_COLUMNS)].astype(str)
    return ClipTable(frame, list(names.values()), gone.reset_index(drop=True))


def clips_of_videos(**columns: object) -> pd.DataFrame:
    """The frame of a manifest for clips of videos, each a recording, called by the video's id."""
    frame = pd.DataFrame({"offset_s": 0.0, "fold": 0, **columns})
    frame["recording"] = "youtube:" + frame["clip_id"]
    frame["sources"] = [[recording] for recording in frame["recording"]]
    return frame[list(COLUMNS)]


def read_segments(path: Path) -> pd.DataFrame:
    """One list: ytid, start_s, end_s, mids (joined by ","), origin (file and line).

    UserError names the file and line that is wrong, and a list with fewer rows than its head says.
    """
    with path.open(encoding="utf-8") as stream:
        head = list(takewhile(lambda line: line.startswith("#"), stream))
    try:
        table = pd.read_csv(
            path,
            names=["ytid", "start_s", "end_s", "mids"],
            dtype=str,
            skiprows=len(head),
            skipinitialspace=True,
            keep_default_na=False,
            skip_blank_lines=False,
        ).fillna("")
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    table["origin"] = [f"{path}, line {len(head) + 1 + n}" for n in range(len(table))]
    for column in ("start_s", "end_s"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    is_id = table["ytid"].str.fullmatch(_YTID)
    refuse(table, ~is_id, lambda row: "the row holds no YouTube id")
    ordered = (table["start_s"] >= 0) & (table["end_s"] > table["start_s"])
    refuse(table, ~ordered, lambda row: "the row has no valid start and end")
    promised = _PROMISED.search("".join(head))
    if promised and int(promised[1]) != len(table):
        raise UserError(
            f"{path}: its head promises {promised[1]} segments, it holds {len(table)}. Delete it, "
            "to fetch it anew; or if it is a shorter list of your own, num_segs in its head."
        )
    return table


def index_clips(folder: Path) -> dict[str, str]:
    """Path (posix, relative to `folder`) of each clip by YouTube id, from one listing.

    Known names: <id>, Y<id>, <id>_<start>, <id>_<start>_<end>, in any subfolder that is not hidden.
    UserError names what `find_audio` refuses.
    """
    found: dict[str, tuple[int, str]] = {}
    for path in find_audio(folder).audio:
        name = PurePosixPath(path)
        match, suffix = _NAME.fullmatch(name.stem), name.suffix.lower()
        if match is None or suffix not in SUFFIXES:
            continue
        rank = (SUFFIXES.index(suffix), path)
        if match[1] not in found or rank < found[match[1]]:
            found[match[1]] = rank
    return {ytid: path for ytid, (_, path) in found.items()}


def read_classes(path: Path) -> dict[str, str]:
    """Class name by mid, in the order of their index."""
    table = read_rows(path, ["index", "mid", "display_name"])
    table["index"] = whole_numbers(table, "index", range(len(table)))
    refuse(table, table["mid"].duplicated(), lambda row: f"mid {row['mid']} comes twice")
    names = class_names(table, "index", "display_name")
    return dict(zip(table.sort_values("index")["mid"], names, strict=True))


def class_ids(folder: Path) -> dict[str, str]:
    """Class name -> mid, its id in the ontology; `folder` is the one with the audio."""
    return {name: mid for mid, name in read_classes(Path(folder) / CLASSES).items()}


def _read_all(folder: Path, names: Mapping[str, str]) -> pd.DataFrame:
    """The segments of all lists there: ytid, split, mids, length_s, origin."""
    parts = [
        read_segments(folder / name).assign(split=split)
        for name, split in LISTS.items()
        if (folder / name).is_file()
    ]
    if not parts:
        raise UserError(f"{folder}: none of the lists {', '.join(LISTS)} is among the `archives`.")
    table = pd.concat(parts, ignore_index=True)
    table["length_s"] = table["end_s"] - table["start_s"]
    refuse(
        table,
        table["ytid"].duplicated(),
        lambda row: (
            f"{row['ytid']} is listed a second time; a clip must not be both trained and "
            "evaluated on"
        ),
    )
    # All rows in one string: a loop over two million of them would take longer than the rest.
    if unknown := set(",".join(table["mids"]).split(",")) - set(names):
        wrong = table["mids"].map(lambda mids: not unknown.isdisjoint(mids.split(",")))
        refuse(table, wrong, lambda row: f"label(s) {row['mids']!r} are not all in {CLASSES}")
    return table


def _reasons(folder: Path) -> dict[str, str]:
    """What the records of fetching say on clips that could not be had."""
    records = [read_rows(path, ["clip_id", "reason"]) for path in sorted(folder.glob("*.csv"))]
    table = pd.concat([pd.DataFrame(columns=["clip_id", "reason"]), *records])
    table = table[table["reason"] != ""]
    return dict(zip(table["clip_id"], table["reason"], strict=True))


def checked_length(audio: AudioFile | UserError, length_s: float) -> AudioFile:
    """A clip that lasts as long as its segment, to within a second; else UserError."""
    if isinstance(audio, UserError):
        raise audio
    if abs(audio.duration_s - length_s) <= _TOLERANCE_S:
        return audio
    raise UserError(
        f"{audio.path} lasts {audio.duration_s:.1f} s, its segment {length_s:.1f} s: it is "
        + ("not cut" if audio.duration_s > length_s else "cut short")
    )

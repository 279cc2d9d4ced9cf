"""AudioSet (Gemmeke et al. 2017): Google's lists of labelled segments, and audio that you have.

The lists name 10 s segments of YouTube videos; the audio has to be obtained by everyone for
themselves, and a part of the videos is gone (the paper had 1.7 of 2.1 million). So a clip without
audio is written down as missing, with its reason, and never stops a run.
"""

import re
from collections.abc import Mapping, Sequence
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
    place(lists, folder, lists[0].parent if lists else None)
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
    `archives` is left out. Files are read in full, and sums computed, with options.checksums alone,
    as reading all of AudioSet takes days. `missing` tells of every other segment why it is not
    there: no file, what fetching said, not readable, or over a second longer than its segment
    (then it is not cut) or shorter (then most would be padding). UserError names the file and
    line of a list that is wrong.
    """
    folder = Path(folder)
    names, classes = _read_classes(folder / CLASSES)
    segments = _read_all(folder)
    _refuse_unknown(segments, names)
    paths = index_clips(folder / CLIPS)
    segments["path"] = segments["ytid"].map(paths)
    there = segments["path"].notna()
    gone = _missing(segments[~there], _reasons(folder / FETCHED))
    checksum = bool((block.get("options") or {}).get("checksums"))
    present = segments[there].reset_index(drop=True)
    listed = [f"{CLIPS}/{path}" for path in present["path"]]
    found = inspect_or_error(folder, listed, checksum=checksum)
    found = progress(found, len(listed), "audioset", "file")
    files = [
        _fault(audio, length) for audio, length in zip(found, present["length_s"], strict=True)
    ]
    wrong = np.array([isinstance(audio, UserError) for audio in files], dtype=bool)
    broken = _missing(present[wrong], {}, [str(error) for error in files if _is_error(error)])
    good = [audio for audio in files if not _is_error(audio)]
    frame = _frame(present[~wrong], good, names, float(block["clip_seconds"]))
    return ClipTable(frame, classes, pd.concat([gone, broken], ignore_index=True))


def read_segments(path: Path) -> pd.DataFrame:
    """One list: ytid, start_s, end_s, mids (joined by ","), line (of the file).

    UserError names the file and line that is wrong, and a list with fewer rows than its head says.
    """
    with path.open(encoding="utf-8") as stream:
        head = []
        for line in stream:
            if not line.startswith("#"):
                break
            head.append(line)
    columns = ["ytid", "start_s", "end_s", "mids"]
    try:
        table = pd.read_csv(
            path,
            names=columns,
            dtype=str,
            skiprows=len(head),
            skipinitialspace=True,
            keep_default_na=False,
            skip_blank_lines=False,
        ).fillna("")
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    table["line"] = np.arange(len(head) + 1, len(head) + 1 + len(table))
    for column in ("start_s", "end_s"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    _refuse(path, table, ~table["ytid"].str.fullmatch(_YTID), "holds no YouTube id")
    ordered = (table["start_s"] >= 0) & (table["end_s"] > table["start_s"])
    _refuse(path, table, ~ordered, "has no valid start and end")
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


def _refuse(path: Path, table: pd.DataFrame, wrong: pd.Series, what: str) -> None:
    if wrong.any():
        raise UserError(f"{path}, line {table.loc[wrong.idxmax(), 'line']}: the row {what}.")


def _read_classes(path: Path) -> tuple[dict[str, str], list[str]]:
    """Class name by mid, and all names in the order of their index."""
    table = read_rows(path, ["index", "mid", "display_name"])
    table["index"] = whole_numbers(table, "index", range(len(table)))
    refuse(table, table["mid"].duplicated(), lambda row: f"mid {row['mid']} comes twice")
    classes = class_names(table, "index", "display_name")
    return dict(zip(table["mid"], table["display_name"], strict=True)), classes


def _read_all(folder: Path) -> pd.DataFrame:
    """The segments of all lists there: ytid, split, mids, length_s, line, list."""
    parts = []
    for name, split in LISTS.items():
        if (folder / name).is_file():
            part = read_segments(folder / name)
            parts.append(part.assign(split=split, list=str(folder / name)))
    if not parts:
        raise UserError(f"{folder}: none of the lists {', '.join(LISTS)} is among the `archives`.")
    table = pd.concat(parts, ignore_index=True)
    table["length_s"] = table["end_s"] - table["start_s"]
    twice = table["ytid"].duplicated()
    if twice.any():
        row = table[twice].iloc[0]
        raise UserError(
            f"{row['list']}, line {row['line']}: {row['ytid']} is listed a second time; a clip "
            "must not be both trained and evaluated on."
        )
    return table


def _refuse_unknown(segments: pd.DataFrame, names: Mapping[str, str]) -> None:
    # All rows in one string: a loop over two million of them would take longer than the rest.
    unknown = set(",".join(segments["mids"]).split(",")) - set(names)
    if unknown:
        wrong = segments["mids"].map(lambda mids: not unknown.isdisjoint(mids.split(",")))
        row = segments[wrong].iloc[0]
        raise UserError(
            f"{row['list']}, line {row['line']}: label(s) {row['mids']!r} are not all in {CLASSES}."
        )


def _reasons(folder: Path) -> dict[str, str]:
    """What the records of fetching say on clips that could not be had."""
    records = [read_rows(path, ["clip_id", "reason"]) for path in sorted(folder.glob("*.csv"))]
    return {
        clip_id: reason
        for record in records
        for clip_id, reason in zip(record["clip_id"], record["reason"], strict=True)
        if reason
    }


def _missing(
    segments: pd.DataFrame, known: Mapping[str, str], reasons: Sequence[str] | None = None
) -> pd.DataFrame:
    if reasons is None:
        reasons = segments["ytid"].map(known).fillna("no file in the audio folder").tolist()
    columns = (segments["ytid"].tolist(), segments["split"].tolist(), list(reasons))
    return pd.DataFrame(dict(zip(MISSING_COLUMNS, columns, strict=True)), dtype=str)


def check_length(audio: AudioFile, length_s: float) -> None:
    """Raise UserError unless a clip lasts as long as its segment, to within a second."""
    if audio.duration_s > length_s + _TOLERANCE_S:
        what = "it is not cut"
    elif audio.duration_s < length_s - _TOLERANCE_S:
        what = "it is cut short"
    else:
        return
    raise UserError(
        f"{audio.path} lasts {audio.duration_s:.1f} s, its segment {length_s:.1f} s: {what}"
    )


def _fault(audio: AudioFile | UserError, length_s: float) -> AudioFile | UserError:
    if not isinstance(audio, UserError):
        try:
            check_length(audio, length_s)
        except UserError as error:
            return error
    return audio


def _is_error(audio: AudioFile | UserError) -> bool:
    return isinstance(audio, UserError)


def _frame(
    segments: pd.DataFrame, files: Sequence[AudioFile], names: Mapping[str, str], seconds: float
) -> pd.DataFrame:
    durations = np.array([audio.duration_s for audio in files], dtype=float)
    recordings = ("youtube:" + segments["ytid"]).tolist()
    frame = pd.DataFrame(
        {
            "clip_id": segments["ytid"].to_numpy(),
            "path": [audio.path for audio in files],
            "offset_s": 0.0,
            "duration_s": np.minimum(durations, seconds),
            "sample_rate": [audio.sample_rate for audio in files],
            "fold": 0,
            "split": segments["split"].to_numpy(),
            "labels": [[names[mid] for mid in mids.split(",")] for mids in segments["mids"]],
            "sha256": [audio.sha256 for audio in files],
            "recording": recordings,
            "sources": [[recording] for recording in recordings],
        }
    )
    return frame[list(COLUMNS)]

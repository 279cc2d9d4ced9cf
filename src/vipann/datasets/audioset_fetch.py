"""AudioSet's audio from YouTube, by yt-dlp and ffmpeg: in shards that can be interrupted.

A clip is there or not; nothing else has to be remembered for those that came. For those that are
gone for good the journal `.fetch/<shard>.csv` beside the clips keeps the reason, so that nobody
asks for them again.
"""

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from vipann.audio.probe import inspect_audio
from vipann.datasets.adapters.audioset import LISTS, checked_length, index_clips, read_segments
from vipann.errors import UserError
from vipann.files import replacing

_PROGRAMS = ("yt-dlp", "ffmpeg")
_SAMPLE_RATE = 32000
_TIMEOUT_S = 600
_FAILURES_IN_A_ROW = 20
# What yt-dlp says of videos that will not come back. Everything else may be the network's, the
# site's or an old yt-dlp's fault, and is tried again.
_GONE = re.compile(
    r"video unavailable|video is unavailable|video is not available|not made this video available"
    r"|private video|video is private|has been removed|no longer available|terminated"
    r"|members[- ]only|confirm your age|age[- ]restricted|inappropriate|copyright"
    r"|live event|requested format is not available",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"not a bot|HTTP Error 429|Too Many Requests", re.IGNORECASE)


class _Outcome(NamedTuple):
    """`reason` is empty for a clip that came; `final` if there is no use in asking again."""

    reason: str = ""
    final: bool = True


def fetch_shard(
    lists: Sequence[Path],
    clips: Path,
    shard: int,
    shards: int,
    out: Path,
    arguments: Sequence[str] = (),
) -> None:
    """Fetch every `shards`-th segment of the lists, from number `shard` (1..shards) on, to `clips`.

    Clips are mono FLAC of 32 kHz, `<first two letters>/<YouTube id>.flac`. `arguments` are added
    to yt-dlp's (cookies, a proxy, a pause). `out` (CSV: clip_id, reason) is written when
    each segment of the shard is there or was asked for; reason is empty for those that are there.
    A shard that is interrupted, even by `kill -9`, goes on where it was. UserError where a program
    is missing, and where many clips in a row fail for no reason of their own (no network, the site
    refuses): what has come is kept.
    """
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        raise UserError(
            f"options.fetch needs the program {missing[0]}, which is not on PATH: install it "
            "(pip install yt-dlp; apt install ffmpeg), or set options.audio_dir to audio that "
            "you have."
        )
    wanted = pd.concat([read_segments(path) for path in lists if path.name in LISTS])
    wanted = wanted.iloc[shard - 1 :: shards]
    name = f"{shard:05d}-of-{shards:05d}"
    work = clips / ".fetch"
    work.mkdir(parents=True, exist_ok=True)
    scratch = work / f"{name}.partial"
    shutil.rmtree(scratch, ignore_errors=True)
    _end_last_line(work / f"{name}.csv")
    todo = wanted[~wanted["ytid"].isin(index_clips(clips).keys() | _read_journals(work).keys())]
    print(f"shard {name}: {len(wanted)} segments, {len(todo)} of them to be asked for", flush=True)
    later = _fetch_all(todo.to_dict("records"), clips, scratch, work / f"{name}.csv", arguments)
    shutil.rmtree(scratch, ignore_errors=True)
    reasons = _read_journals(work) | later | dict.fromkeys(index_clips(clips), "")
    record = pd.DataFrame({"clip_id": wanted["ytid"]})
    record["reason"] = record["clip_id"].map(reasons).fillna("not fetched")
    with replacing(out) as beside:
        record.to_csv(beside, index=False)


def _fetch_all(
    todo: Sequence[Mapping], clips: Path, scratch: Path, journal: Path, arguments: Sequence[str]
) -> dict[str, str]:
    """Fetch one after the other; those that failed for no reason of their own once more at the end.

    Returns the reasons of those that still failed so; final ones go to the journal.
    """
    waiting, in_a_row = list(todo), 0
    for _ in range(2):
        failed = {}
        for segment in waiting:
            ytid, outcome = segment["ytid"], _fetch(segment, clips, scratch, arguments)
            if outcome.final:
                in_a_row = 0
                if outcome.reason:
                    _append(journal, ytid, outcome.reason)
                continue
            failed[ytid] = outcome.reason
            in_a_row += 1
            print(f"{ytid}: {outcome.reason}", flush=True)
            if in_a_row >= _FAILURES_IN_A_ROW or _REFUSED.search(outcome.reason):
                raise UserError(
                    f"fetching stopped: {in_a_row} clip(s) in a row failed, the last ({ytid}) "
                    f"with: {outcome.reason}. What has come is kept; run again to go on. If the "
                    "site asks for a sign-in or a pause, see options.yt_dlp_args."
                )
        waiting = [segment for segment in waiting if segment["ytid"] in failed]
    return failed


def _fetch(segment: Mapping, clips: Path, scratch: Path, arguments: Sequence[str]) -> _Outcome:
    ytid = segment["ytid"]
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    command = [
        *("yt-dlp", "--ignore-config", "--no-playlist", "--no-progress", "--no-warnings"),
        *("--format", "bestaudio/best"),
        *("--download-sections", f"*{segment['start_s']:.3f}-{segment['end_s']:.3f}"),
        *("--force-keyframes-at-cuts", "--extract-audio", "--audio-format", "flac"),
        *("--postprocessor-args", f"ExtractAudio:-ar {_SAMPLE_RATE} -ac 1"),
        *("--output", f"{scratch}/%(id)s.%(ext)s"),
        *arguments,
        *("--", f"https://www.youtube.com/watch?v={ytid}"),
    ]
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return _Outcome(f"no answer in {_TIMEOUT_S} s", final=False)
    if found.returncode:
        said = _last_error(found.stderr) or f"yt-dlp ended with status {found.returncode}"
        return _Outcome(said, final=bool(_GONE.search(said)))
    try:
        audio = inspect_audio(scratch, f"{ytid}.flac", checksum=False)
        checked_length(audio, segment["end_s"] - segment["start_s"])
    except UserError as error:
        return _Outcome(f"what came is not the clip: {error}", final=False)
    target = clips / ytid[:2] / f"{ytid}.flac"
    target.parent.mkdir(exist_ok=True)
    (scratch / f"{ytid}.flac").replace(target)
    return _Outcome()


def _last_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    return " ".join(errors[-1].removeprefix("ERROR:").split())[:300] if errors else ""


def _append(journal: Path, ytid: str, reason: str) -> None:
    with journal.open("a", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerow([ytid, reason])
        stream.flush()
        os.fsync(stream.fileno())


def _end_last_line(journal: Path) -> None:
    """Drop a line that was cut off when its writer was killed."""
    if journal.is_file():
        data = journal.read_bytes()
        os.truncate(journal, data.rfind(b"\n") + 1)


def _read_journals(folder: Path) -> dict[str, str]:
    """Reasons by YouTube id, of all shards; a line that is just being written is left out."""
    reasons: dict[str, str] = {}
    for journal in folder.glob("*.csv"):
        text = journal.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        reasons.update((row[0], row[1]) for row in csv.reader(whole.splitlines()) if len(row) == 2)
    return reasons

"""Events in the files of other programs: Raven, Audacity, Kaleidoscope.

- Raven's selection table: tabs, a header with Selection, View, Channel, Begin Time (s), End Time
  (s), Low Freq (Hz), High Freq (Hz); further columns are the user's own. One file a recording.
- Audacity's label track: start, end, label, separated by tabs, no header. One file a recording.
- Kaleidoscope's csv: INDIR, FOLDER and IN FILE name the recording, OFFSET and DURATION (s) the
  place in it; TOP1MATCH is the class, TOP1DIST its score. One file for all.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from vipann.files import replacing
from vipann.survey.windows import END, RECORDING, START

RAVEN, AUDACITY, KALEIDOSCOPE = "raven", "audacity", "kaleidoscope.csv"
RAVEN_COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
    *("Low Freq (Hz)", "High Freq (Hz)", "Begin File", "Class", "Probability"),
    *("Calibrated Probability", "Epistemic", "OOD", "Review Rank"),
)
KALEIDOSCOPE_COLUMNS = (
    *("INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH", "TOP1DIST"),
)
_DIGITS = 6


def write_formats(
    events: pd.DataFrame, nyquist: Mapping[str, float], paths: Mapping[str, Path], out: Path
) -> None:
    """Write `events` (of `events.with_meaning`, and a column review_rank) into the folder `out`:
    raven/, audacity/ and kaleidoscope.csv. What an earlier call wrote of a recording that has no
    events now is deleted.

    nyquist: recording -> the highest frequency that it holds, in Hz; of all that were surveyed. The
    boxes of Raven reach there. paths: recording -> its file, which ends in the name, of those that
    are there still. Files of a recording are called by its whole name, so that a.wav and a.flac
    have two.
    """
    for name in nyquist.keys() - set(events[RECORDING]):
        for path in _paths(out, name):
            path.unlink(missing_ok=True)
    for key, mine in events.groupby(RECORDING, sort=True):
        name = str(key)
        raven, audacity = _paths(out, name)
        _write(raven, [RAVEN_COLUMNS, *_raven(mine, name, nyquist[name])])
        rows = mine[[START, END, "class", "probability"]].itertuples(index=False)
        labels = [(*map(_seconds, row[:2]), f"{row[2]} {row[3]:.3f}") for row in rows]
        _write(audacity, labels)
    _write(out / KALEIDOSCOPE, [KALEIDOSCOPE_COLUMNS, *_kaleidoscope(events, paths)], ",")


def _paths(out: Path, recording: str) -> tuple[Path, Path]:
    """Of Raven and Audacity."""
    return out / RAVEN / f"{recording}.selections.txt", out / AUDACITY / f"{recording}.txt"


def _raven(events: pd.DataFrame, recording: str, nyquist: float) -> Iterator[tuple]:
    columns = [START, END, "class", "probability", "calibrated_probability"]
    columns += ["epistemic", "ood", "review_rank"]
    for number, row in enumerate(events[columns].itertuples(index=False), start=1):
        start, end, name, probability, calibrated, epistemic, ood, rank = row
        yield (
            *(number, "Spectrogram 1", 1, _seconds(start), _seconds(end)),
            *("0.0", f"{nyquist:.1f}", PurePosixPath(recording).name, name),
            *(f"{probability:.4f}", f"{calibrated:.4f}"),
            *(f"{epistemic:.4g}", "" if pd.isna(ood) else f"{ood:.4g}", rank),
        )


def _kaleidoscope(events: pd.DataFrame, paths: Mapping[str, Path]) -> Iterator[tuple]:
    columns = [RECORDING, START, END, "class", "probability"]
    for recording, start, end, name, probability in events[columns].itertuples(index=False):
        folder, _, file = recording.rpartition("/")
        above = str(paths.get(recording, recording)).removesuffix(recording).rstrip("/")
        place = (above, folder, file, _seconds(start), _seconds(end - start))
        yield *place, name, f"{probability:.4f}"


def _seconds(value: float) -> str:
    return f"{value:.{_DIGITS}f}"


def _write(path: Path, rows: list[tuple], separator: str = "\t") -> None:
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=separator, lineterminator="\n").writerows(rows)

"""When recordings start: by the clocks that recorders write into file names, and by a table.

Known are the names of

- AudioMoth: `20230115_143000.WAV`, `20230115_143000T.WAV`, and of old firmware the seconds since
  1970 in eight hexadecimal digits, `5E90A4D4.WAV`;
- SoundTrap: `6075.230115143000.wav`, also with a further number after it;
- Wildlife Acoustics: `SM4A_20230115_143000.wav`, `SM3_0+1_20230115_143000.wav`, and with `$` where
  a trigger started them;
- ISO 8601, with any separators that a file name may have, a fraction of a second and a zone:
  `2023-01-15T14-30-00Z`, `20230115T143000.250+0100`, and so of JASCO, icListen and PAMGuard.

A name may hold more before and after.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from vipann.datasets.metadata import read_rows, refuse
from vipann.errors import DataWarning, UserError

_FULL = re.compile(
    r"(?<!\d)(?P<Y>(?:19|20)\d\d)(?P<d>[-._]?)(?P<m>\d\d)(?P=d)(?P<D>\d\d)[T_ $-]"
    r"(?P<H>\d\d)(?P<t>[-.:_]?)(?P<M>\d\d)(?P=t)(?P<S>\d\d)(?!\d)"
    r"(?P<fraction>\.\d{1,6}(?!\d))?(?P<zone>Z(?![A-Za-z])|[+-]\d\d:?\d\d(?!\d))?"
)
_SOUNDTRAP = re.compile(
    r"[._](?P<Y>\d\d)(?P<m>\d\d)(?P<D>\d\d)(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?=\.|$)"
)
_HEX = re.compile(r"[0-9A-F]{8}")
# AudioMoth was first sold in 2017: eight digits that mean another time are a name.
_FIRST_HEX, _LAST_HEX = 1483228800, 0xFFFFFFFF
_SHOWN = 3


class NoTimeError(ValueError):
    """A clock in a file's name shows what is no time."""


def started_at(name: str, zone: ZoneInfo) -> datetime | None:
    """When a recording of this file name starts, in `zone`; None where its name holds no clock.

    A clock that names no zone itself is taken to show the time of `zone`.

    Raises:
        NoTimeError: a clock shows month 13, hour 25, or the like.
    """
    path = PurePosixPath(name)
    if _HEX.fullmatch(path.stem) and not path.stem.isdigit():
        seconds = int(path.stem, 16)
        if _FIRST_HEX <= seconds <= _LAST_HEX:
            return datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    if found := _FULL.search(path.name):
        return _time_of(found, 0, zone)
    if found := _SOUNDTRAP.search(path.stem):
        return _time_of(found, 2000, zone)
    return None


def _time_of(found: re.Match[str], century: int, zone: ZoneInfo) -> datetime:
    parts = found.groupdict()
    year, month, day, hour, minute, second = (int(parts[key]) for key in "YmDHMS")
    own = _zone_of(parts.get("zone"))
    microseconds = round(float(parts.get("fraction") or 0) * 1e6)
    try:
        date = (century + year, month, day, hour, minute, second, microseconds)
        time = datetime(*date, tzinfo=own or zone)
    except ValueError as error:
        raise NoTimeError(f"{found[0]!r} is no time: {error}") from error
    return time.astimezone(zone)


def _zone_of(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    sign, digits = (-1 if text[0] == "-" else 1), text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes >= 24 * 60:
        raise NoTimeError(f"{text!r} is no offset of a time zone")
    return timezone(sign * timedelta(minutes=minutes))


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name, "Europe/Berlin"; UserError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(
            f"time_zone is {name!r}, which is no time zone known here: write one such as UTC or "
            "Europe/Berlin."
        ) from error


def read_starts(table: Path, recordings: Iterable[str], zone: ZoneInfo) -> dict[str, datetime]:
    """Recording -> its start, of a csv with the columns recording and started_at (ISO 8601).

    Raises:
        UserError: the line of a time that is none, of a recording that is not among `recordings`,
            or of one that is there twice.
    """
    rows = read_rows(table, ["recording", "started_at"])
    known = set(recordings)
    refuse(
        rows,
        ~rows["recording"].isin(known),
        lambda row: f"there is no recording {row['recording']!r} in the survey",
    )
    refuse(rows, rows["recording"].duplicated(), lambda row: f"{row['recording']} is there twice")
    starts = {}
    for row in rows.to_dict("records"):
        try:
            time = datetime.fromisoformat(row["started_at"])
        except ValueError as error:
            raise UserError(
                f"{row['origin']}: started_at {row['started_at']!r} is no time: write it as "
                "2023-01-15T14:30:00, or with a zone, 2023-01-15T14:30:00+01:00."
            ) from error
        starts[row["recording"]] = (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(
            zone
        )
    return starts


def starts_of(
    recordings: Iterable[str], zone: ZoneInfo, table: Path | None = None
) -> Mapping[str, datetime]:
    """Recording -> its start, of those whose names or `table` tell it; the table goes first.

    Clocks that show no time, and names without a clock, are reported in a DataWarning each; their
    recordings have no start.
    """
    names = list(recordings)
    starts = read_starts(table, names, zone) if table else {}
    wrong, without = [], []
    for name in names:
        if name in starts:
            continue
        try:
            time = started_at(name, zone)
        except NoTimeError as error:
            wrong.append(f"{name} ({error})")
            continue
        if time is None:
            without.append(name)
        else:
            starts[name] = time
    for few, what in ((wrong, ""), (without, " (no clock in the name)")):
        if few:
            more = f" and {len(few) - _SHOWN} more" if len(few) > _SHOWN else ""
            warnings.warn(
                f"{', '.join(few[:_SHOWN])}{more}{what}: not counted by hour and day. Name their "
                "starts in a table (columns recording, started_at; `--starts`, or `starts` in a "
                "config).",
                DataWarning,
                stacklevel=2,
            )
    return starts


def time_column(
    recording: pd.Series, seconds: pd.Series, starts: Mapping[str, datetime]
) -> pd.Series:
    """The time of day and date of `seconds` into each recording, ISO 8601; "" where unknown."""
    # In UTC, for a zone's own hours are not all followed by the next one.
    begun = {name: start.astimezone(UTC) for name, start in starts.items()}
    times = [
        (begun[name] + timedelta(seconds=float(after)))
        .astimezone(starts[name].tzinfo)
        .isoformat(timespec="milliseconds")
        if name in begun
        else ""
        for name, after in zip(recording, seconds, strict=True)
    ]
    return pd.Series(times, index=recording.index, dtype=str)

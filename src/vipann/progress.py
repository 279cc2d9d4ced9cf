"""How far a long loop is: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

_Item = TypeVar("_Item")
_SECONDS_BETWEEN_LINES = 10.0


def progress(items: Iterable[_Item], total: int | None, what: str, unit: str) -> Iterator[_Item]:
    """Yield the items and say how many of `total` are done, as `what`: n of total units.

    Without a `total` the lines say how many are done, and none comes at the end.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=unit)
        return
    started = printed = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - printed >= _SECONDS_BETWEEN_LINES or done == total:
            printed = now
            print(f"{what}: {_state(done, total, unit, now - started)}", flush=True)


def _state(done: int, total: int | None, unit: str, seconds: float) -> str:
    rate = done / max(seconds, 1e-9)
    if total is None:
        return f"{done} {unit}s, {rate:.1f} a second"
    return f"{done} of {total} {unit}s, {rate:.1f} a second, {(total - done) / rate:.0f} s to go"

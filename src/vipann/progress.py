"""How far a long loop is: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

_Item = TypeVar("_Item")
_SECONDS_BETWEEN_LINES = 10.0


def progress(items: Iterable[_Item], total: int, what: str, unit: str) -> Iterator[_Item]:
    """Yield the items and say how many of `total` are done, as `what`: n of total units."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=unit)
        return
    started = printed = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - printed >= _SECONDS_BETWEEN_LINES or done == total:
            printed = now
            rate = done / max(now - started, 1e-9)
            left = (total - done) / rate
            print(
                f"{what}: {done} of {total} {unit}s, {rate:.1f} a second, {left:.0f} s to go",
                flush=True,
            )

"""Where a job's lines go: its log file, and for the user's own mistakes a short message."""

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from vipann.errors import UserError


@contextmanager
def job_log(path: Path | str) -> Iterator[None]:
    """Send what the job prints to the log file `path`, and end with how long it took.

    A UserError is shown as its message alone; any other exception keeps its traceback in the log.
    Both end the job with status 1.
    """
    log = Path(path)
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("w", buffering=1) as stream, redirect_stdout(stream), redirect_stderr(stream):
        try:
            yield
            print(f"done in {time.monotonic() - started:.1f} s")
        except UserError as error:
            print(f"error: {error}")
            print(f"\nerror: {error}\n(log: {log})", file=sys.__stderr__)
            raise SystemExit(1) from None
        except Exception as error:
            traceback.print_exc()
            print(f"\nerror: {error!r}\n(traceback in {log})", file=sys.__stderr__)
            raise SystemExit(1) from None

"""Where a job's lines go: its log file, and for the user's own mistakes a short message."""

import os
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from vipann.errors import ShownWarning, UserError

# File descriptors, which a process's children write to as well.
_OUTPUT, _ERRORS = 1, 2


@contextmanager
def job_log(path: Path | str) -> Iterator[TextIO | None]:
    """Send all that the process and its children print to the log file `path`.

    Yields the terminal to show a progress bar on, None where there is none.

    A ShownWarning is shown on the terminal as one line, a UserError as its message only; any other
    exception as one line, with its traceback in the log. Errors end the process, with the
    UserError's status or with 1. Meant for scripts: the standard streams stay redirected
    afterwards.
    """
    log = Path(path)
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    terminal = os.dup(_ERRORS)
    with log.open("w", buffering=1) as stream:
        os.dup2(stream.fileno(), _OUTPUT)
        os.dup2(stream.fileno(), _ERRORS)
        with redirect_stdout(stream), redirect_stderr(stream), _warnings_shown(terminal):
            try:
                yield os.fdopen(terminal, "w", closefd=False) if os.isatty(terminal) else None
                print(f"done in {time.monotonic() - started:.1f} s")
            except UserError as error:
                print(f"error: {error}")
                os.write(terminal, f"\nerror: {error}\n(log: {log})\n".encode())
                raise SystemExit(error.status) from None
            except Exception as error:
                traceback.print_exc()
                os.write(terminal, f"\nerror: {error!r}\n(traceback in {log})\n".encode())
                raise SystemExit(1) from None


@contextmanager
def _warnings_shown(terminal: int) -> Iterator[None]:
    """Every ShownWarning as a line of the log and of the terminal (a file descriptor)."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ShownWarning):
            usual(message, category, *where, **more)
            return
        print(f"warning: {message}")
        os.write(terminal, f"\nwarning: {message}\n".encode())

    with warnings.catch_warnings():
        warnings.simplefilter("always", ShownWarning)
        warnings.showwarning = show
        yield

"""Downloads that go on where they were broken off."""

import fcntl
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO
from urllib.parse import urlparse

import requests
from tqdm import tqdm

from vipann.errors import UserError

_ATTEMPTS = 5
_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0
_TIMEOUT_S = (20, 60)
_CHUNK_BYTES = 1 << 16
_LINE_EVERY_S = 30.0
_WORTH_ANOTHER_TRY = (408, 425, 429)


def partial_of(target: Path) -> Path:
    """Where an unfinished `target` lies: hidden beside it, under a name of its own."""
    return target.with_name(f".{target.name}.partial")


@contextmanager
def unfinished(target: Path) -> Iterator[BinaryIO]:
    """Open `partial_of(target)` to append to it, as the only process that does.

    On success it is renamed to `target`. On an error it stays, so that a download can go on, unless
    it is empty. UserError where another process holds it.
    """
    partial = partial_of(target)
    partial.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(stream.fileno()), partial.stat())
        except (BlockingIOError, FileNotFoundError):
            same = False
        if not same:
            raise UserError(f"{target}: another process is fetching this file; wait for it.")
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            partial.replace(target)
        finally:
            if partial.exists() and partial.stat().st_size == 0:
                partial.unlink()


def download(url: str, stream: BinaryIO, name: str, terminal: TextIO | None = None) -> bool:
    """Append what `stream` lacks of the file at `url`; True if it held a part of it before.

    A connection that breaks is tried again where it stopped, until several attempts in a row bring
    nothing new. A server that knows no ranges sends all of it again. Progress is a bar on
    `terminal`, or lines on standard output. UserError names the url.
    """
    if urlparse(url).scheme not in ("http", "https"):
        raise UserError(f"The url of {name} is {url!r}: only http and https are downloaded.")
    before = most = stream.seek(0, os.SEEK_END)
    fruitless = 0
    while True:
        try:
            _receive(url, stream, name, terminal)
            return before > 0
        except requests.RequestException as error:
            response = getattr(error, "response", None)
            status = response.status_code if response is not None else 0
            refused = 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY
            size = stream.seek(0, os.SEEK_END)
            fruitless, most = (0, size) if size > most else (fruitless + 1, most)
            if refused or fruitless >= _ATTEMPTS:
                kept = f" The {size} bytes that came are kept: run again to go on." if size else ""
                raise UserError(
                    f"{name} could not be downloaded from {url} ({error}).{kept} If this machine "
                    "has no network, put the file in a folder and name that folder as "
                    "`data.mirror` in the config or in the environment variable VIPANN_MIRROR."
                ) from error
            print(f"{name}: {error}; trying again after {size} bytes", flush=True)
            time.sleep(min(_PAUSE_S * 2**fruitless, _LONGEST_PAUSE_S))


def _receive(url: str, stream: BinaryIO, name: str, terminal: TextIO | None) -> None:
    had = stream.seek(0, os.SEEK_END)
    # identity: a server that labels a .tar.gz as "encoded" would have it unpacked on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        there = response.headers.get("Content-Range", "")
        if response.status_code == 416:
            if there == f"bytes */{had}":
                return
            stream.truncate(0)
            raise requests.ConnectionError(f"the server has no bytes after {had}")
        response.raise_for_status()
        if had and not (response.status_code == 206 and there.startswith(f"bytes {had}-")):
            stream.truncate(0)
            had = 0
            if response.status_code == 206:
                raise requests.ConnectionError(f"the server sent {there!r} instead of a part")
        length = response.headers.get("Content-Length")
        total = had + int(length) if length else None
        chunks = response.iter_content(_CHUNK_BYTES)
        for chunk in _shown(chunks, name, had, total, terminal):
            stream.write(chunk)
    size = stream.seek(0, os.SEEK_END)
    if total is not None and size < total:
        raise requests.ConnectionError(f"the connection ended after {size} of {total} bytes")


def _shown(
    chunks: Iterable[bytes], name: str, had: int, total: int | None, terminal: TextIO | None
) -> Iterator[bytes]:
    """The chunks, with a bar on a terminal; without one a line now and then, for a log file."""
    done, last = had, time.monotonic()
    of_all = f" of {total / 1e6:.1f}" if total else ""
    bar = {"desc": name, "initial": had, "total": total, "unit": "B", "unit_scale": True}
    try:
        with tqdm(**bar, file=terminal or sys.stderr, disable=terminal is None) as progress:
            for chunk in chunks:
                yield chunk
                done += len(chunk)
                progress.update(len(chunk))
                if terminal is None and time.monotonic() - last > _LINE_EVERY_S:
                    last = time.monotonic()
                    print(f"{name}: {done / 1e6:.1f}{of_all} MB", flush=True)
    finally:
        print(f"{name}: {done / 1e6:.1f}{of_all} MB", flush=True)

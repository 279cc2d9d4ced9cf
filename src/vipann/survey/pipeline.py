"""Recordings to windows with features: decoding and front end in threads, in order and bounded."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import NamedTuple, TypeVar

import numpy as np

from vipann.errors import MissingProgramError, UserError
from vipann.features.audio import AudioFrontEnd
from vipann.survey.listening import Listener, heard_by
from vipann.survey.recordings import Recording

_Item = TypeVar("_Item")


class Heard(NamedTuple):
    """A window [start, end) (s) of a recording; features, or why there are none, when they are
    ready."""

    recording: Recording
    start: float
    end: float
    features: "Future[np.ndarray | str]"


class End(NamedTuple):
    """What is known of a recording once all its windows have come; fault: "" if it was sound."""

    recording: Recording
    seconds: float
    source_rate: int
    fault: str


@contextmanager
def heard(
    recordings: Sequence[Recording],
    front_end: AudioFrontEnd,
    listener: Listener,
    padding: str,
    *,
    workers: int,
    waiting: int,
) -> Iterator[Iterator[Heard | End]]:
    """The windows of all recordings, each recording's followed by its end; at most `waiting` of
    them are ahead of whoever takes them.

    Raises:
        MissingProgramError: a recording needs a program that is not there; what else is wrong with
            a recording is said by its `End`.
    """

    def windows(pool: ThreadPoolExecutor) -> Iterator[Heard | End]:
        for recording in recordings:
            fault = ""
            try:
                for one in listener.windows(recording.path):
                    args = (front_end, one, listener.length, padding)
                    features = pool.submit(heard_by, *args)
                    yield Heard(recording, one.start, one.end, features)
            except MissingProgramError:
                raise
            except UserError as error:
                fault = str(error)
            yield End(recording, listener.seconds, listener.source_rate, fault)

    with ThreadPoolExecutor(workers) as pool, closing(ahead(windows(pool), waiting)) as items:
        yield items


def batches(items: Iterable[Heard | End], size: int) -> Iterator[list[Heard | End]]:
    """Lists of `size` windows and the ends among them; the last one may be shorter."""
    batch: list[Heard | End] = []
    windows = 0
    for item in items:
        batch.append(item)
        windows += isinstance(item, Heard)
        if windows == size:
            yield batch
            batch, windows = [], 0
    if batch:
        yield batch


def ahead(items: Iterable[_Item], most: int) -> Generator[_Item]:
    """The same items, taken by a thread that is at most `most` of them ahead.

    What the thread raises is raised here. Closing the iterator ends the thread.
    """
    waiting: queue.Queue[tuple[bool, _Item | BaseException | None]] = queue.Queue(most)
    stopped = threading.Event()

    def put(more: bool, item: _Item | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((more, item), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def take() -> None:
        try:
            for item in items:
                if not put(True, item):
                    return
            put(False, None)
        except BaseException as error:
            put(False, error)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        while (got := waiting.get())[0]:
            yield got[1]  # type: ignore[misc]
        if isinstance(got[1], BaseException):
            raise got[1]
    finally:
        stopped.set()
        thread.join()

"""Scores recordings into a survey folder: decoding, features and networks side by side, in streams.

One thread decodes, some make features, and the networks run in the calling one. What waits between
them is bounded, so that memory does not grow with the length or the number of the recordings.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vipann.devices import choose_device
from vipann.errors import UserError
from vipann.files import enough_space
from vipann.progress import progress
from vipann.survey.listening import Listener
from vipann.survey.model import Model
from vipann.survey.pipeline import End, Heard, batches, heard
from vipann.survey.recordings import Recording, unheard
from vipann.survey.scoring import Scorer
from vipann.survey.shard_writer import ShardWriter
from vipann.survey.windows import RECORDING, About, read_table, shard_numbers, shard_paths

_BATCHES_WAITING = 3
_TOO_SHORT = "too short"


@dataclass(frozen=True)
class Survey:
    """How recordings are scored. What decides a score: hop_seconds (None: windows side by side),
    mc_samples and seed (None: the run's), precision; the others decide speed alone."""

    hop_seconds: float | None = None
    mc_samples: int | None = None
    seed: int | None = None
    precision: str = "float32"
    accelerator: str = "auto"
    batch_size: int = 16
    workers: int = 1
    shard_hours: float = 12.0


class Found(NamedTuple):
    """What a call of `survey` did: recordings and hours that it scored, recordings that had been
    scored before, and what is wrong with recordings, by name."""

    recordings: int
    hours: float
    earlier: int
    faults: dict[str, str]


def about_of(model: Model, how: Survey) -> About:
    """What a survey's tables say of their making.

    Raises:
        UserError: the hop or the number of samples is not above 0.
    """
    facts = model.facts
    hop = model.clip_seconds if how.hop_seconds is None else float(how.hop_seconds)
    samples = facts["mc_samples"] if how.mc_samples is None else how.mc_samples
    for name, value in (("hop_seconds", hop), ("mc_samples", samples)):
        if not value > 0:
            raise UserError(f"{name}: {value:g} is not allowed; must be above 0")
    settings = {
        "hop_seconds": hop,
        "mc_samples": samples,
        "seed": facts["seed"] if how.seed is None else how.seed,
        "precision": how.precision,
    }
    return About(model.sha256, tuple(model.classes), model.task, model.clip_seconds, settings)


def survey(
    model: Model,
    recordings: Sequence[Recording],
    out: Path,
    how: Survey,
    *,
    quiet: bool = False,
) -> Found:
    """Score the recordings that `out` does not hold yet, as they are now.

    A recording that cannot be read, or breaks off, is listed with the reason and stops nothing. A
    call that was killed is gone on with by the next one: at most a shard is scored again. Unless
    `quiet`, it says how far it is.

    Raises:
        UserError: `out` holds a survey by another model or other settings, or the disk is full;
            recordings that were scored to their ends are kept.
    """
    about = about_of(model, how)
    todo = unheard(recordings, heard_already(out, about))
    faults: dict[str, str] = {}
    seconds = 0.0
    if todo:
        scorer = scorer_of(model, about, how)
        with enough_space(out / "shards", 1 << 20), scorer.ready():
            writer = ShardWriter(out, about, how.shard_hours)
            try:
                ends = _Scoring(scorer, writer).of(todo, model, how)
                for end in ends if quiet else progress(ends, len(todo), "survey", "recording"):
                    seconds += end.seconds
                    if end.fault:
                        faults[end.recording.name] = end.fault
            finally:
                try:
                    writer.close()
                finally:
                    writer.abandon()
    return Found(len(todo), seconds / 3600, len(recordings) - len(todo), faults)


def scorer_of(model: Model, about: About, how: Survey) -> Scorer:
    """The networks, with the settings of a survey."""
    deciding = {key: about.settings[key] for key in ("mc_samples", "seed", "precision")}
    return Scorer(model, choose_device(how.accelerator), **deciding)


def heard_already(out: Path, about: About) -> dict[str, tuple[int, int]]:
    """Size and time of the recordings that a survey folder holds, by name.

    Raises:
        UserError: they were scored by another model or with other settings; says which.
    """
    found: dict[str, tuple[int, int]] = {}
    for number in shard_numbers(out):
        other, frame = read_table(shard_paths(out, number)[1])
        if other != about:
            raise UserError(
                f"{out} holds a survey that differs in {_differing(about, other)}: survey into "
                "another folder, or delete this one."
            )
        stamps = zip(frame["size"].tolist(), frame["modified"].tolist(), strict=True)
        found |= dict(zip(frame[RECORDING], stamps, strict=True))
    return found


def _differing(one: About, other: About) -> str:
    here, there = (
        {"model": about.model[:12], "classes": ", ".join(about.classes)}
        | {"clip_seconds": about.clip_seconds, **about.settings}
        for about in (one, other)
    )
    differing = [name for name in here if here[name] != there.get(name)]
    return "; ".join(f"{name} (there {there.get(name)}, now {here[name]})" for name in differing)


class _Scoring:
    """Scores windows and hands them to the writer, with their recordings."""

    def __init__(self, scorer: Scorer, writer: ShardWriter) -> None:
        self.scorer, self.writer = scorer, writer
        # Of the recording that is being scored: windows so far, and reasons of those left out.
        self._windows, self._left_out = 0, Counter[str]()

    def of(self, recordings: Sequence[Recording], model: Model, how: Survey) -> Iterator[End]:
        """Write the windows of all recordings, and yield each recording when it is done."""
        about, front_end = self.writer.about, self.scorer.front_end
        rate = front_end.settings.sample_rate
        listener = Listener(rate, about.clip_seconds, about.settings["hop_seconds"])
        found = heard(
            *(recordings, front_end, listener, model.facts["padding"]),
            workers=how.workers,
            waiting=_BATCHES_WAITING * how.batch_size,
        )
        with found as items:
            for batch in batches(items, how.batch_size):
                yield from self._write(batch)

    def _write(self, batch: Sequence[Heard | End]) -> Iterator[End]:
        features = [item.features.result() if isinstance(item, Heard) else "" for item in batch]
        there = [n for n, one in enumerate(features) if not isinstance(one, str)]
        if there:
            names = [window_name(item) for n in there if isinstance(item := batch[n], Heard)]
            scores = self.scorer.score(np.stack([features[n] for n in there]), names)
        written = 0
        rows: list[tuple[str, float, float]] = []
        for item, one in zip(batch, features, strict=True):
            if isinstance(item, Heard):
                self._count(item, one)
                if not isinstance(one, str):
                    rows.append((item.recording.name, item.start, item.end))
                continue
            if rows:
                self.writer.add(rows, scores.part(written, len(rows)))
            written, rows = written + len(rows), []
            yield self._finish(item)
        if rows:
            self.writer.add(rows, scores.part(written, len(rows)))

    def _count(self, item: Heard, found: np.ndarray | str) -> None:
        self._windows += 1
        # What is left over at a recording's end may be less than a frame.
        if isinstance(found, str) and not (found == _TOO_SHORT and item.start):
            self._left_out[found] += 1

    def _finish(self, end: End) -> End:
        reasons = [f"{n} of {self._windows} windows {why}" for why, n in self._left_out.items()]
        if not self._windows and not end.fault:
            reasons = ["holds no audio"]
        end = end._replace(fault="; ".join([*filter(None, [end.fault]), *reasons]))
        self._windows, self._left_out = 0, Counter()
        name, size, modified = end.recording.stamp
        self.writer.finish(
            {
                RECORDING: name,
                "duration_seconds": end.seconds,
                "sample_rate": end.source_rate,
                "size": size,
                "modified": modified,
                "fault": end.fault,
            }
        )
        return end


def window_name(window: Heard) -> str:
    """By which a window's draws are chosen."""
    return f"{window.recording.name} {window.start:.6f}"

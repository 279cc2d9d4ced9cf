"""How far each stage of a run is, and how long it may take, from the starts and ends of its jobs.

Times are seconds by one clock. Nothing here knows Snakemake.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vipann.plan.flow import STAGES, TARGETS, stage_of_rule

SECONDS_BETWEEN_LINES = 30.0


@dataclass
class Stage:
    """The jobs of one stage."""

    name: str
    total: int
    done: int = 0
    seconds: float = 0.0  # of the jobs that are done, together
    at_once: int = 0  # the most that have run side by side
    began: float = 0.0
    shown: float = 0.0  # when a line of it was last written
    running: dict[int, float] = field(default_factory=dict)  # a job's id: its start

    def expected(self) -> float | None:
        """Seconds until its last job is done, if those to come take as long as those before.

        As many run side by side as have; None until one is done.
        """
        if not self.done:
            return None
        return self.seconds / self.done * (self.total - self.done) / max(self.at_once, 1)

    def line(self, now: float) -> str:
        jobs = f"{self.name:<10} {self.done} of {self.total} {plural(self.total, 'job')}"
        if now > self.began:
            jobs += f", {duration(now - self.began)}"
        expected = self.expected()
        if expected is None or self.done == self.total:
            return jobs
        return f"{jobs}, about {duration(expected)} to go"


class Run:
    """All stages of a run."""

    def __init__(self, jobs_of_rules: Mapping[str, int], now: float) -> None:
        self.began = now
        self.stages: dict[str, Stage] = {}
        self._stage_of: dict[int, Stage] = {}
        counts: dict[str, int] = {}
        for rule, count in jobs_of_rules.items():
            if rule not in TARGETS:
                stage = stage_of_rule(rule)
                counts[stage] = counts.get(stage, 0) + count
        order = list(STAGES)
        for name in sorted(counts, key=lambda one: order.index(one) if one in order else -1):
            self.stages[name] = Stage(name, counts[name])

    @property
    def total(self) -> int:
        return sum(stage.total for stage in self.stages.values())

    @property
    def done(self) -> int:
        return sum(stage.done for stage in self.stages.values())

    def plan(self) -> str:
        parts = ", ".join(f"{stage.name} {stage.total}" for stage in self.stages.values())
        return f"{self.total} {plural(self.total, 'job')}: {parts}"

    def start(self, job: int, rule: str, now: float) -> str | None:
        """A job has been started, or handed to the cluster: a line, if it is its stage's first."""
        if rule in TARGETS:
            return None
        name = stage_of_rule(rule)
        stage = self.stages.setdefault(name, Stage(name, 0))
        self._stage_of[job] = stage
        is_first = not stage.at_once
        if is_first:
            stage.began = now
        stage.running[job] = now
        stage.at_once = max(stage.at_once, len(stage.running))
        # A plan may grow while it runs.
        stage.total = max(stage.total, stage.done + len(stage.running))
        return self._line(stage, now) if is_first else None

    def finish(self, job: int, now: float) -> Iterator[str]:
        """A job is done: a line where its stage is done, or none has been written for long."""
        stage = self._stage_of.pop(job, None)
        if stage is None:
            return
        stage.done += 1
        stage.seconds += now - stage.running.pop(job)
        if stage.done == stage.total or now - stage.shown >= SECONDS_BETWEEN_LINES:
            yield self._line(stage, now)
        if self.done == self.total:
            yield f"done in {duration(now - self.began)}"

    def fail(self, job: int) -> str:
        """The stage of a job that has failed, which may be tried again."""
        stage = self._stage_of.pop(job, None)
        if stage is None:
            return ""
        stage.running.pop(job, None)
        return stage.name

    def _line(self, stage: Stage, now: float) -> str:
        stage.shown = now
        whole = f"; {self.done} of {self.total} in all" if len(self.stages) > 1 else ""
        return f"{stage.line(now)}{whole}"


def duration(seconds: float) -> str:
    """As people say it: 42 s, 12 min, 3 h 05 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"

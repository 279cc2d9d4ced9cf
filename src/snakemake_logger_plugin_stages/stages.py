"""How far each stage of a run is, and how long it may take, from the starts and ends of its jobs.

Times are seconds by one clock. Nothing here knows Snakemake.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vipann.plan.flow import STAGES, TARGETS, stage_of_rule

SECONDS_BETWEEN_LINES = 30.0


@dataclass
class Jobs:
    """The jobs of one rule, which take about as long as each other."""

    total: int = 0
    done: int = 0
    seconds: float = 0.0  # of the jobs that are done, together
    running: dict[int, float] = field(default_factory=dict)  # a job's id: its start

    def to_come(self) -> float:
        """Seconds that those not done take one after another, at the mean of those that are.

        0 where none is done yet: nobody knows.
        """
        return self.seconds / max(self.done, 1) * (self.total - self.done)


@dataclass
class Stage:
    """The jobs of one stage, by rule; or of the whole run."""

    name: str
    rules: dict[str, Jobs] = field(default_factory=dict)
    at_once: int = 0  # the most that have run side by side
    began: float = 0.0
    shown: float = 0.0  # when a line of it was last written

    @property
    def total(self) -> int:
        return sum(jobs.total for jobs in self.rules.values())

    @property
    def done(self) -> int:
        return sum(jobs.done for jobs in self.rules.values())

    @property
    def running(self) -> int:
        return sum(len(jobs.running) for jobs in self.rules.values())

    def to_go(self) -> str:
        """In words, how long the jobs to come take if each takes the mean of its own rule.

        As many run side by side as have. "at least" where a rule with jobs to come has none done,
        as these then count for nothing; "" where all are done, or most to come are of such rules.
        """
        left = [jobs for jobs in self.rules.values() if jobs.done < jobs.total]
        unknown = sum(jobs.total for jobs in left if not jobs.done)
        if 2 * unknown > self.total - self.done:
            return ""
        seconds = sum(jobs.to_come() for jobs in left) / max(self.at_once, 1)
        if not seconds:
            return ""
        known = "about" if all(jobs.done for jobs in left) else "at least"
        return f", {known} {duration(seconds)} to go"

    def line(self, now: float) -> str:
        jobs = f"{self.name:<10} {self.done} of {self.total} {plural(self.total, 'job')}"
        return f"{jobs}, {duration(now - self.began)}" if now > self.began else jobs


class Run:
    """All stages of a run."""

    def __init__(self, jobs_of_rules: Mapping[str, int], now: float) -> None:
        self.whole = Stage("all", began=now)
        self.stages: dict[str, Stage] = {}
        self._rule_of: dict[int, str] = {}  # of jobs that run
        counts = {rule: count for rule, count in jobs_of_rules.items() if rule not in TARGETS}
        order = list(STAGES)
        names = {stage_of_rule(rule) for rule in counts}
        for name in sorted(names, key=lambda one: order.index(one) if one in order else -1):
            self.stages[name] = Stage(name)
        for rule, count in counts.items():
            self._jobs_of(rule).total = count

    @property
    def total(self) -> int:
        return self.whole.total

    @property
    def done(self) -> int:
        return self.whole.done

    def plan(self) -> str:
        parts = ", ".join(f"{stage.name} {stage.total}" for stage in self.stages.values())
        return f"{self.total} {plural(self.total, 'job')}: {parts}"

    def start(self, job: int, rule: str, now: float) -> str | None:
        """A job has been started, or handed to the cluster: a line, if it is its stage's first."""
        if rule in TARGETS:
            return None
        jobs, stage = self._jobs_of(rule), self.stages[stage_of_rule(rule)]
        self._rule_of[job] = rule
        is_first = not stage.at_once
        if is_first:
            stage.began = now
        jobs.running[job] = now
        # A plan may grow while it runs.
        jobs.total = max(jobs.total, jobs.done + len(jobs.running))
        for one in (stage, self.whole):
            one.at_once = max(one.at_once, one.running)
        return self._line(stage, now) if is_first else None

    def finish(self, job: int, now: float) -> Iterator[str]:
        """A job is done: a line where its stage is done, or none has been written for long."""
        rule = self._rule_of.pop(job, None)
        if rule is None:
            return
        jobs, stage = self._jobs_of(rule), self.stages[stage_of_rule(rule)]
        jobs.done += 1
        jobs.seconds += now - jobs.running.pop(job)
        if stage.done == stage.total or now - stage.shown >= SECONDS_BETWEEN_LINES:
            yield self._line(stage, now)
        if self.done == self.total:
            yield f"done in {duration(now - self.whole.began)}"

    def fail(self, job: int) -> str:
        """The stage of a job that has failed, which may be tried again."""
        rule = self._rule_of.pop(job, None)
        if rule is None:
            return ""
        self._jobs_of(rule).running.pop(job, None)
        return stage_of_rule(rule)

    def _jobs_of(self, rule: str) -> Jobs:
        """Of a rule, in its stage and in the whole run; of one that was not planned, new ones."""
        name = stage_of_rule(rule)
        stage = self.stages.setdefault(name, Stage(name))
        jobs = stage.rules.setdefault(rule, Jobs())
        return self.whole.rules.setdefault(rule, jobs)

    def _line(self, stage: Stage, now: float) -> str:
        stage.shown = now
        # Of the whole run, and not of a stage, which may have to wait for others.
        in_all = f"; {self.done} of {self.total} in all" if len(self.stages) > 1 else ""
        return f"{stage.line(now)}{in_all}{self.whole.to_go()}"


def duration(seconds: float) -> str:
    """As people say it: 42 s, 12 min, 3 h 05 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"

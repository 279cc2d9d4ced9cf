"""`snakemake --logger stages`: a line now and then on each stage, and failures that can be read.

Of a job that fails it shows what the job was, the last lines of its log, and at the end the command
to go on with. All of Snakemake's own lines are in its log under .snakemake/log. Dry runs, and runs
with --verbose, --printshellcmds or --debug-dag, are reported as Snakemake does. The name of this
package is how Snakemake finds it.
"""

import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from snakemake_logger_plugin_stages.stages import Run, plural

LAST_LINES = 12
# Of what Snakemake says besides, what a reader wants to know.
KEPT = ("Nothing to be done", "Complete log", "Report created", "Unlocked")
# What is said at length where the job failed, and once more at the end.
SAID = ("RuleException", "At least one job did not complete", "Exiting because a job execution")
LOCKED = "removed with the --unlock argument"
RED, YELLOW = "\033[31m", "\033[33m"


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    command: str = field(
        default="",
        metadata={"help": "What to type to go on after a failure, if not Snakemake's own command."},
    )
    unlock: str = field(
        default="",
        metadata={"help": "What to type to take away the lock that a killed run left behind."},
    )


class LogHandler(LogHandlerBase, ColorizingTextHandler):
    """Writes to the terminal, or to what stands in its place, where it leaves colours out."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False
    settings: LogHandlerSettings | None

    def __post_init__(self) -> None:
        common = self.common_settings
        stream = sys.stdout if common.stdout else sys.stderr
        ColorizingTextHandler.__init__(self, nocolor=common.nocolor, stream=stream)
        self.in_full = common.dryrun or common.verbose or common.printshellcmds or common.debug_dag
        if self.in_full:
            shown = (common.debug_dag, common.verbose, common.dryrun, common.printshellcmds)
            self.addFilter(DefaultFilter(common.quiet, *shown))
            self.setFormatter(DefaultFormatter(common.quiet, common.show_failed_logs))
        self._run: Run | None = None
        self._command = ""
        self._names: dict[int, str] = {}  # jobs that have been started
        self._failed: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if self.in_full:
            ColorizingTextHandler.emit(self, record)
            return
        try:
            for colour, line in self._lines(record):
                self._write(colour, line)
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        # Snakemake may close a handler more than once.
        if self._failed:
            for line in self._summary():
                self._write(RED, line)
            self._failed = {}
        ColorizingTextHandler.close(self)

    def _write(self, colour: str, line: str) -> None:
        coloured = f"{colour}{line}{self.RESET_SEQ}" if colour and not self.nocolor else line
        self.stream.write(f"{coloured}\n")
        self.stream.flush()

    def _lines(self, record: logging.LogRecord) -> Iterable[tuple[str, str]]:
        """(colour or nothing, line) of what is to be shown of a record."""
        facts, now = vars(record), record.created
        match facts.get("event"):
            case LogEvent.WORKFLOW_STARTED:
                self._command = f"snakemake {facts.get('cmd', '').partition(' ')[2]}"
            case LogEvent.RUN_INFO:
                counts = {rule: n for rule, n in facts["stats"].items() if rule != "total"}
                self._run = Run(counts, now)
                yield "", f"{_clock(now)}  {self._run.plan()}"
            case LogEvent.JOB_INFO if self._run:
                yield from self._started(facts, now)
            case LogEvent.JOB_FINISHED if self._run:
                self._failed.pop(facts["job_id"], None)
                for line in self._run.finish(facts["job_id"], now):
                    yield "", f"{_clock(now)}  {line}"
            case LogEvent.JOB_ERROR if self._run:
                yield from ((RED, line) for line in self._failure(facts, now))
            case None | LogEvent.ERROR:
                yield from _said(record)
                if LOCKED in record.getMessage() and self.settings and self.settings.unlock:
                    yield "", f"Here that is\n    {self.settings.unlock}"

    def _started(self, facts: dict, now: float) -> Iterable[tuple[str, str]]:
        job, rule = facts["jobid"], facts["rule_name"]
        self._names[job] = facts["rule_msg"] or rule
        line = self._run.start(job, rule, now) if self._run else None
        if line:
            yield "", f"{_clock(now)}  {line}"
        if job in self._failed:
            yield YELLOW, f"{_clock(now)}  tried again: {self._names[job]}"

    def _failure(self, facts: dict, now: float) -> Iterable[str]:
        """What failed, the last lines of its log, and where all of it is."""
        job = facts["jobid"]
        name = self._names.get(job, facts["rule_name"])
        stage = self._run.fail(job) if self._run else ""
        self._failed[job] = name
        yield f"{_clock(now)}  {stage:<10} FAILED: {name}"
        if facts["rule_msg"]:
            yield f"    {facts['rule_msg']}"
        logs = [Path(log) for log in facts["log"]]
        for log in logs:
            if lines := _last_lines(log):
                yield from (f"    | {line}" for line in lines)
                break
        yield from (f"    log: {log}" for log in logs)

    def _summary(self) -> Iterable[str]:
        failed = len(self._failed)
        done = f"; {self._run.done} of {self._run.total} are done and kept" if self._run else ""
        yield f"{failed} {plural(failed, 'job')} failed{done}:"
        yield from (f"    {name}" for name in self._failed.values())
        yield "When the cause is mended, go on by the same command:"
        yield f"    {(self.settings and self.settings.command) or self._command}"


def _said(record: logging.LogRecord) -> Iterable[tuple[str, str]]:
    """What Snakemake itself has to say, as far as it tells a reader something."""
    text = record.getMessage()
    if record.levelno >= logging.WARNING:
        if not any(known in text for known in SAID):
            yield RED if record.levelno >= logging.ERROR else YELLOW, text
    elif text.startswith(KEPT):
        yield "", text


def _last_lines(log: Path) -> list[str]:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-LAST_LINES:]


def _clock(now: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(now))

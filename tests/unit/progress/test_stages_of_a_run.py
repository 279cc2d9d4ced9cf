"""Progress by stages: counts, expected times, and what is said of a failure."""

import io
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase

from snakemake_logger_plugin_stages import LogHandler, LogHandlerSettings
from snakemake_logger_plugin_stages.stages import Run, duration
from vipann.plan.flow import STAGES, TARGETS

ROOT = Path(__file__).parents[3]


def test_every_rule_of_the_workflow_is_of_one_stage():
    sys.path.insert(0, str(ROOT / "slurm"))
    try:
        from site_resources import rule_names
    finally:
        sys.path.pop(0)
    staged = [rule for rules in STAGES.values() for rule in rules]
    assert len(staged) == len(set(staged))
    assert {*staged, *TARGETS} == {*rule_names(), "all", "transferred"}


def test_the_plan_names_stages_in_the_order_of_the_flow():
    run = Run({"table": 2, "predict_member": 3, "predict": 4, "download": 1, "all": 1}, 0.0)
    assert run.plan() == "10 jobs: download 1, predict 7, tables 2"


def test_what_is_expected_follows_from_the_jobs_done():
    run = Run({"transfer": 10, "table": 1}, 0.0)
    lines = [run.start(1, "transfer", 100.0), run.start(2, "transfer", 100.0)]
    assert lines == ["transfer   0 of 10 jobs; 0 of 11 in all", None]
    # 60 s a job, 9 jobs to come, two side by side: 270 s, and a table, of which nothing is known.
    assert list(run.finish(1, 160.0)) == [
        "transfer   1 of 10 jobs, 1 min; 1 of 11 in all, at least 4 min to go"
    ]
    # The next line has to wait.
    assert list(run.finish(2, 161.0)) == []


def test_jobs_of_another_rule_tell_no_time():
    run = Run({"pages": 2, "notebook": 3}, 0.0)
    run.start(1, "pages", 0.0)
    assert list(run.finish(1, 31.0)) == ["report     1 of 5 jobs, 31 s"], "3 of 4 are unknown"
    run.start(2, "notebook", 31.0)
    # 31 s for a page, 2 notebooks of 200 s each.
    assert list(run.finish(2, 231.0)) == ["report     2 of 5 jobs, 4 min, about 7 min to go"]
    run.start(3, "pages", 231.0)
    run.start(4, "notebook", 231.0)
    assert list(run.finish(3, 240.0)) == []
    # No page is to come; 2 notebooks, two jobs side by side by now.
    assert run.whole.to_go() == ", about 3 min to go"


def test_the_whole_runs_time_is_a_least_one_until_all_rules_to_come_have_been_seen():
    run = Run({"transfer": 2, "predict": 3, "all": 1}, 0.0)
    assert run.start(1, "transfer", 0.0) == "transfer   0 of 2 jobs; 0 of 5 in all"
    (line,) = run.finish(1, 60.0)
    assert line.endswith("; 1 of 5 in all"), "most of what is to come has not been seen"
    known = Run({"transfer": 4, "predict": 3}, 0.0)
    known.start(1, "transfer", 0.0)
    (least,) = known.finish(1, 60.0)
    assert least.endswith("; 1 of 7 in all, at least 3 min to go"), "no prediction has been seen"
    run.start(2, "predict", 60.0)
    (line,) = run.finish(2, 100.0)
    # 60 s of training and 2 predictions of 40 s.
    assert line == "predict    1 of 3 jobs, 40 s; 2 of 5 in all, about 2 min to go"
    for job, rule in enumerate(["transfer", "predict", "predict"], 3):
        run.start(job, rule, 100.0)
        lines = list(run.finish(job, 130.0))
    assert lines == ["predict    3 of 3 jobs, 1 min; 5 of 5 in all", "done in 2 min"]


def test_a_rule_that_was_not_planned_counts_from_its_first_job():
    run = Run({"predict": 1}, 0.0)
    run.start(1, "predict", 0.0)
    run.start(2, "notebook", 0.0)
    assert (run.total, run.stages["report"].total) == (2, 1)
    assert run.fail(2) == "report"
    run.start(3, "notebook", 10.0)
    list(run.finish(3, 20.0))
    assert (run.done, run.total) == (1, 2), "a job that is tried again counts once"


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=30), st.integers(0, 30))
def test_one_job_after_another_the_mean_counts(lengths, left):
    run = Run({"predict": len(lengths) + left}, 0.0)
    now = 0.0
    for job, length in enumerate(lengths):
        run.start(job, "predict", now)
        now += length
        lines = list(run.finish(job, now))
    mean = now / len(lengths)
    told = f", about {duration(mean * left)} to go" if mean * left else ""
    assert run.whole.to_go() == told
    assert (lines[-1:] == [f"done in {duration(now)}"]) == (not left)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4.4, "4 s"), (59, "59 s"), (90, "2 min"), (3599, "1 h 00 min"), (11100, "3 h 05 min")],
)
def test_durations_as_people_say_them(seconds, said):
    assert duration(seconds) == said


class Terminal(io.StringIO):
    def isatty(self):
        return True


@dataclass
class Output(MockOutputSettings):
    """Snakemake's own options."""

    printshellcmds: bool = False
    nocolor: bool = False
    quiet: frozenset = frozenset()
    debug_dag: bool = False
    verbose: bool = False
    show_failed_logs: bool = False
    stdout: bool = False
    dryrun: bool = False


class TestHandler(TestLogHandlerBase):
    """What Snakemake's interface asks of every plugin, and what is asked of this one."""

    __test__ = True

    def get_log_handler_cls(self):
        return LogHandler

    def get_log_handler_settings(self):
        return LogHandlerSettings(command="make demo")

    def written(self, monkeypatch, stream, *events, command="make demo", **options):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        handler = LogHandler(Output(**options), LogHandlerSettings(command=command))
        for event, facts in events:
            handler.emit(self._create_event_record(event, facts.pop("msg", ""), **facts))
        handler.close()
        handler.close()
        return stream.getvalue()

    def failing(self, log):
        job = {"jobid": 3, "rule_name": "predict", "log": [str(log)]}
        error = {"level": logging.ERROR}
        return [
            (LogEvent.WORKFLOW_STARTED, {"cmd": "/venv/bin/snakemake --cores 2"}),
            (LogEvent.RUN_INFO, {"stats": {"predict": 2, "total": 2}}),
            (LogEvent.JOB_INFO, job | {"rule_msg": "predict esc10 fold 1"}),
            (LogEvent.ERROR, error | {"msg": "RuleException: CalledProcessError in file x"}),
            (LogEvent.JOB_ERROR, error | job | {"rule_msg": None}),
            (LogEvent.ERROR, error | {"msg": "At least one job did not complete successfully."}),
        ]

    def test_a_failure_is_red_on_a_terminal_and_plain_in_a_file(self, monkeypatch, tmp_path):
        log = tmp_path / "predict.log"
        log.write_text("".join(f"line {n}\n\n" for n in range(40)) + "error: no clip\n")
        text = self.written(monkeypatch, io.StringIO(), *self.failing(log))
        assert "\033" not in text
        assert "\r" not in text
        lines = text.splitlines()
        assert "FAILED: predict esc10 fold 1" in lines[2]
        assert lines[3].strip() == "| line 29"
        assert lines[14:16] == ["    | error: no clip", f"    log: {log}"]
        assert lines[16:] == [
            "1 job failed; 0 of 2 are done and kept:",
            "    predict esc10 fold 1",
            "When the cause is mended, go on by the same command:",
            "    make demo",
        ]
        shown = self.written(monkeypatch, Terminal(), *self.failing(log)).splitlines()
        assert [line.startswith("\033[31m") for line in shown] == [False] * 2 + [True] * 18

    def test_without_a_command_to_type_it_is_snakemakes(self, monkeypatch, tmp_path):
        events = self.failing(tmp_path / "none.log")
        text = self.written(monkeypatch, io.StringIO(), *events, command="")
        assert text.endswith("    snakemake --cores 2\n")

    def test_a_job_that_succeeds_when_tried_again_has_not_failed(self, monkeypatch, tmp_path):
        events = self.failing(tmp_path / "none.log")[:-1]
        again = {"jobid": 3, "rule_name": "predict", "rule_msg": "predict esc10 fold 1"}
        events += [(LogEvent.JOB_INFO, again), (LogEvent.JOB_FINISHED, {"job_id": 3})]
        text = self.written(monkeypatch, io.StringIO(), *events)
        assert "tried again: predict esc10 fold 1" in text
        assert "job failed" not in text

    def test_other_errors_and_warnings_are_shown_whole(self, monkeypatch):
        fault = "WorkflowError: config/mine.yaml: transfer.epochs must be a number"
        events = [
            (None, {"msg": "Building DAG of jobs..."}),
            (None, {"msg": "a file is newer than it should be", "level": logging.WARNING}),
            (LogEvent.ERROR, {"msg": fault, "level": logging.ERROR}),
        ]
        text = self.written(monkeypatch, io.StringIO(), *events)
        assert text == f"a file is newer than it should be\n{fault}\n"

    def test_a_dry_run_is_told_as_snakemake_does(self, monkeypatch):
        plan = "Job stats:\njob  count"
        events = [(LogEvent.RUN_INFO, {"msg": plan, "stats": {"predict": 2, "total": 2}})]
        assert plan in self.written(monkeypatch, io.StringIO(), *events, dryrun=True)

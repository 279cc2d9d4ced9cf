"""A report states the settings of the results, or is not made."""

import json
from pathlib import Path

import pytest

from vipann.config import merge
from vipann.errors import UserError
from vipann.plan.report import RECORD, refuse_report_of_another_config, said_of
from vipann.plan.run import Run

REPORT = ["snakemake", "--report", "report.html"]


@pytest.fixture
def results(tmp_path, monkeypatch, run_of):
    """The paper's run, whose index is there, in the present folder."""
    monkeypatch.chdir(tmp_path)
    run = run_of()
    Path(run.results).mkdir(parents=True)
    Path(run.results, RECORD).write_text(json.dumps(said_of(run)))
    return run


def edited(run, departure):
    return Run(run.root, merge(dict(run.config), departure), run.paper_config)


def test_the_report_of_an_unchanged_config_is_made(results):
    refuse_report_of_another_config(results, REPORT)


@pytest.mark.parametrize(
    ("departure", "named"),
    [
        ({"evaluation": {"mc_samples": 50}}, "evaluation"),
        ({"transfer": {"fixed": {"epochs": 7}}}, "transfer.fixed.epochs"),
    ],
)
@pytest.mark.parametrize("asked", [REPORT, ["snakemake", "--report=report.html"]])
def test_a_report_of_an_edited_config_is_refused_and_says_what_differs(
    results, departure, named, asked
):
    with pytest.raises(UserError, match=rf"another config.*{named}.*without --report first"):
        refuse_report_of_another_config(edited(results, departure), asked)


def test_a_report_after_the_run_is_made_of_the_edited_config(results):
    asked = [*REPORT, "--report-after-run"]
    refuse_report_of_another_config(edited(results, {"evaluation": {"mc_samples": 50}}), asked)


def test_where_things_are_made_is_no_reason_to_refuse(results):
    refuse_report_of_another_config(edited(results, {"accelerator": "cpu"}), REPORT)
    refuse_report_of_another_config(edited(results, {"evaluation": {"batch_size": 7}}), REPORT)

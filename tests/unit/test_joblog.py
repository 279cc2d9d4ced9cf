"""What a failing or succeeding job leaves in its log and shows on the terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
SCRIPT = """
import os, subprocess
from vipann.errors import UserError
from vipann.joblog import job_log
with job_log({log!r}):
    print("from python")
    subprocess.run(["sh", "-c", "echo from a child >&2"], check=True)
    {last}
"""


def run(tmp_path, last):
    log = tmp_path / "logs" / "job.log"
    script = SCRIPT.format(log=str(log), last=last)
    command = [sys.executable, "-c", script]
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    found = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    return found, log.read_text()


def test_a_job_that_succeeds_prints_to_its_log_alone(tmp_path):
    found, log = run(tmp_path, "pass")
    assert found.returncode == 0
    assert found.stdout == found.stderr == ""
    assert log.splitlines()[:2] == ["from python", "from a child"]
    assert "done in" in log


def test_doubts_about_the_users_data_are_shown_and_end_nothing(tmp_path):
    last = (
        "import warnings; from vipann.errors import DataWarning; "
        "[warnings.warn('2 files are copies', DataWarning) for _ in range(2)]; "
        "warnings.warn('of a library')"
    )
    found, log = run(tmp_path, last)
    assert found.returncode == 0
    assert found.stderr.count("warning: 2 files are copies\n") == 2
    assert "of a library" not in found.stderr
    assert log.count("warning: 2 files are copies") == 2
    assert "of a library" in log
    assert "done in" in log


def test_a_progress_bar_is_offered_the_terminal_if_there_is_one(tmp_path):
    body = SCRIPT.replace("job_log({log!r}):", "job_log({log!r}) as terminal:")
    script = body.format(log=str(tmp_path / "job.log"), last="print('bar', file=terminal)")
    main, side = pty.openpty()
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "-c", script], stderr=side, env=env, check=True)
    assert os.read(main, 100) == b"bar\r\n"
    assert "bar" not in (tmp_path / "job.log").read_text()
    os.close(main)
    os.close(side)
    subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, env=env, check=True)
    assert "bar" in (tmp_path / "job.log").read_text()


def test_the_users_mistake_is_shown_without_a_traceback(tmp_path):
    found, log = run(tmp_path, "raise UserError('set the key')")
    assert found.returncode == 1
    assert "error: set the key" in found.stderr
    assert "error: set the key" in log
    assert "Traceback" not in found.stderr + log


@pytest.mark.parametrize("last", ["1 / 0", "import nothing_of_this_name"])
def test_a_defect_is_one_line_here_and_a_traceback_in_the_log(tmp_path, last):
    found, log = run(tmp_path, last)
    assert found.returncode == 1
    assert "Traceback" in log
    assert "Traceback" not in found.stderr
    assert "job.log" in found.stderr

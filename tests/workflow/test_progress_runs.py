"""`snakemake --logger stages`, with a job that fails and one that does not."""

import os
import subprocess
import sys

import pytest
from workflow_harness import ROOT

SNAKEFILE = """
rule all:
    input: "a.h5", "b.h5"

rule predict:
    output: "{x}.h5"
    log: "logs/{x}.log"
    message: "predict {wildcards.x}"
    shell:
        "if [ {wildcards.x} = a ] && [ ! -e mended ]; then echo 'no wren' > {log}; exit 1; fi;"
        "touch {output}"
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def snakemake(*arguments):
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--logger", "stages"]
        return subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
        )

    return snakemake


def test_a_run_that_fails_and_goes_on(run, tmp_path):
    failed = run("--keep-going", "--logger-stages-command", "make birds")
    assert failed.returncode == 1
    lines = [line.partition("  ")[2] or line for line in failed.stderr.splitlines()]
    assert lines[0] == "2 jobs: predict 2"
    assert "predict    FAILED: predict a" in lines
    assert failed.stderr.count("no wren") == 1
    assert failed.stderr.endswith("go on by the same command:\n    make birds\n")
    assert "\r" not in failed.stderr
    assert "\033" not in failed.stderr
    (tmp_path / "mended").touch()
    report = tmp_path / "report.html"
    done = run("--report", str(report), "--report-after-run")
    assert done.returncode == 0
    assert "1 job: predict 1" in done.stderr
    assert "Report created" in done.stderr
    assert report.is_file()


def test_a_lock_that_a_killed_run_left_is_told_with_the_command_that_takes_it_away(run, tmp_path):
    (tmp_path / "mended").touch()
    unlock = ("--logger-stages-unlock", "make birds ARGS=--unlock")
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("a.h5\n")
    locked = run(*unlock)
    assert locked.returncode == 1
    assert "cannot be locked" in locked.stderr
    assert "    make birds ARGS=--unlock\n" in locked.stderr
    assert "Unlocked" in run("--unlock").stderr
    assert run(*unlock).returncode == 0


def test_make_says_how_to_go_on(tmp_path):
    command = ["make", "-n", "demo", "CORES=2", "MIRROR=/data"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--logger stages --logger-stages-command 'make demo " in shown
    assert "MIRROR=/data" in shown.partition("--logger-stages-command")[2].split("\\")[0]

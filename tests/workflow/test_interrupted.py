"""A training job that is killed outright goes on when the workflow runs again."""

import os
import signal
import time

import psutil
import pytest
from test_synthetic_dag import SYNTHETIC
from workflow_harness import Workflow

from vipann.config import merge

JOB = "synthetic_scenes/det/fold1/scratch"
TARGET = f"results/micro/checkpoints/{JOB}.safetensors"
LONG = {"scratch": {"epochs": 300}, "training": {"checkpoint_every": 10}}


@pytest.fixture
def workflow(tmp_path):
    return Workflow(tmp_path)


def job_of(snakemake):
    """The process of the training script that this Snakemake has started."""

    def runs_script(process):
        try:
            return " ".join(process.cmdline()).endswith("scratch.py")
        except psutil.Error:  # One that ends meanwhile.
            return False

    return next(filter(runs_script, psutil.Process(snakemake.pid).children(recursive=True)))


def test_the_rule_goes_on_from_what_a_killed_job_has_kept(workflow, write_config):
    config = write_config("long", merge(SYNTHETIC, LONG))
    states = workflow.directory / "results/micro/work" / JOB
    snakemake = workflow.start(config, "--cores", "1", TARGET)
    while not list(states.glob("*/step*.pt")):
        assert snakemake.poll() is None, snakemake.communicate()
        time.sleep(0.05)
    os.kill(job_of(snakemake).pid, signal.SIGKILL)
    assert snakemake.wait() != 0
    assert not (workflow.directory / TARGET).exists()
    (kept,) = {path.parent for path in states.glob("*/step*.pt")}

    workflow(config, "--cores", "1", TARGET)
    log = workflow.directory / f"results/micro/logs/scratch/{JOB.removesuffix('/scratch')}.log"
    assert "going on from step" in log.read_text()
    assert not kept.exists()
    curves = (workflow.directory / f"results/micro/curves/{JOB}.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in curves[1:]] == [str(n) for n in range(1, 301)]

    machine = {
        "loader_workers": 3,
        "training": {"checkpoint_every": 7, "tensorboard": True},
        "pretrain": {"gpus": 8, "validate_every": 1},
        "scratch": {"gpus": 4},
    }
    other = write_config("machine", merge(SYNTHETIC, LONG, machine))
    plan = workflow(other, "-n", TARGET)
    assert "Nothing to be done" in plan.stdout + plan.stderr

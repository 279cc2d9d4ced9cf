"""What Snakemake starts first, and its own part of the processor time."""

import re

import pytest
from workflow_harness import SYNTHETIC, Workflow

DATASETS = ("synthetic_events", "synthetic_scenes", "synthetic_ships_5s")


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    return Workflow(tmp_path_factory.mktemp("scheduler"))


@pytest.fixture(scope="module")
def config(write_config):
    return write_config("micro", SYNTHETIC)


@pytest.fixture(scope="module")
def making_features(workflow, config):
    features = [f"results/micro/features/{dataset}.h5" for dataset in DATASETS]
    run = workflow(config, "--cores", "1", "--verbose", *features)
    return run.stdout + run.stderr


def test_ready_jobs_are_looked_at_once_for_each_job_that_ends(making_features):
    ended = making_features.count("Finished jobid")
    assert ended >= 3 * len(DATASETS)
    assert making_features.count("Ready jobs") <= 2 * ended


def test_networks_that_many_jobs_wait_for_come_before_baselines(workflow, config, making_features):
    checkpoints = [
        *(f"upstream/{strategy}.safetensors" for strategy in ("det", "drop")),
        *(f"synthetic_scenes/{name}/fold1/scratch.safetensors" for name in ("det", "drop")),
    ]
    run = workflow(
        config, "--cores", "1", *(f"results/micro/checkpoints/{file}" for file in checkpoints)
    )
    started = re.findall(r"^Job \d+: (\w+ \w+)", run.stdout + run.stderr, flags=re.M)
    assert started[:2] == ["pretrain det", "pretrain drop"]
    assert started[2:] == ["scratch synthetic_scenes"] * 2

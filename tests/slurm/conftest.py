"""Fixtures of the tests on a real Slurm."""

import os
from collections.abc import Iterator

import pytest
from slurm_harness import Cluster, missing_programs, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if missing := missing_programs():
        message = f"no Slurm here ({', '.join(missing)} missing): tests/slurm/cluster.sh install"
        if os.environ.get("VIPANN_TEST_SLURM") == "required":
            pytest.fail(message)
        pytest.skip(message)
    with running_cluster() as started:
        yield started

"""How many GPUs a job has asked for, by the resources of its rule and of the site."""

import pytest

from vipann.training.launch import gpus_of


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ({}, 0),
        ({"gpu": 3}, 3),
        ({"gpu": 0, "gres": "gpu:4"}, 4),
        ({"gpu": 0, "gres": "gpu:a100:2"}, 2),
        ({"gpu": 0, "gres": "gpu"}, 1),
        ({"gpu": 2, "gres": "lscratch:20"}, 2),
    ],
)
def test_gpus_are_counted_however_they_are_asked_for(resources, count):
    assert gpus_of(resources) == count

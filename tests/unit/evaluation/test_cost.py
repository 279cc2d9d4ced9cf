"""What networks cost: counts by hand, and what is measured is of the network that is named."""

import pandas as pd
import pytest

from vipann.config import read_layer
from vipann.errors import UserError
from vipann.evaluation.cost import COLUMNS, network_costs
from vipann.parts import model_settings

FRAMES, BANDS, CLASSES, BATCH = 12, 40, 3, 2
BAYESIAN = {key: read_layer("config/config.yaml")[key] for key in ("bayesian", "kl", "moped")}


def network(variant, strategy="det", **settings):
    """Two layers on each frame, the mean over frames, a linear head."""
    model = {"encoder": "frame_mlp", "pooling": "mean", "head": "linear", "frame_mlp": settings}
    form = {"model": model_settings(model), "bands": BANDS, "shape": [FRAMES, BANDS]}
    blocks = BAYESIAN if strategy == "flip" else {}
    return {"variant": variant, "strategy": strategy, **form, **blocks}


@pytest.fixture(scope="module")
def costs():
    small, large = {"layers": [16, 8]}, {"layers": [4096, 2048]}
    networks = [
        network("small", **small),
        network("same", **small),
        network("large", **large),
        network("flip", "flip", **large),
    ]
    return network_costs(networks, CLASSES, BATCH, 3, "cpu").set_index("variant")


def test_parameters_and_macs_are_those_counted_by_hand(costs):
    assert list(costs.reset_index().columns) == COLUMNS
    for name, (one, two) in {"small": (16, 8), "large": (4096, 2048)}.items():
        weights = BANDS * one + one * two + two * CLASSES
        products = FRAMES * (BANDS * one + one * two) + two * CLASSES
        row = costs.loc[name]
        # Convolutions have no biases; three batch norms have two values for each channel.
        assert row["parameters"] == weights + CLASSES + 2 * (BANDS + one + two)
        # Besides products, these norms count their outputs, and so does the mean over frames.
        assert row["macs"] == products + FRAMES * (BANDS + one + two) + two
        assert (row["batch_size"], row["repeats"], row["device"]) == (BATCH, 3, "cpu")


def test_what_is_built_alike_is_measured_once(costs):
    pd.testing.assert_series_equal(costs.loc["small"], costs.loc["same"], check_names=False)
    assert costs["clips_per_second"].nunique() == 3


def test_flipout_costs_twice_and_a_large_network_more(costs):
    flip, large, small = (costs.loc[name] for name in ("flip", "large", "small"))
    assert 1.9 < flip["macs"] / large["macs"] < 2.2
    assert flip["strategy"] == "flip"
    # 8.6 million float32 weights, which the small network has not.
    assert large["memory_mb"] - small["memory_mb"] > 25
    assert (costs["clips_per_second"] > 0).all()


def test_a_network_that_cannot_be_passed_names_its_variant():
    broken = network("broken", layers=[4, 4]) | {"shape": [FRAMES, BANDS + 1]}
    with pytest.raises(UserError, match=r"variants\.broken: .*batch of 2 clips.*batch_size"):
        network_costs([broken], CLASSES, BATCH, 1, "cpu")

"""Encoders with attention and a GRU end to end: each trains in det, drop and, by MOPED, flip, is
sampled and scored."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge

STRATEGIES = ("det", "drop", "flip")
_ATTENTION = {"width": 16, "layers": 1, "heads": 2, "feed_forward": 16, "dropout": 0.2}
ENCODERS = {
    "ast": _ATTENTION | {"columns": 3},
    "transformer": _ATTENTION,
    "conformer": _ATTENTION | {"kernel": 3},
    "cnn_transformer": {"width": 64, "heads": 2, "feed_forward": 16},
    "talnet": {"width": 64, "dropout": 0.2},
}


def variants():
    found = {}
    for encoder, own in ENCODERS.items():
        model = {"model": {"encoder": encoder, encoder: own}}
        found[f"{encoder}_det"] = model
        found[f"{encoder}_drop"] = model | {"strategy": "drop"}
        found[f"{encoder}_flip"] = model | {"strategy": "flip", "start": f"{encoder}_det"}
    return found


CONFIG = merge(
    SYNTHETIC,
    {
        "transfer_datasets": [],
        "ood": None,
        "features": {"logmel": {"hop_length": 6400}},
        "pretrain": {"learning_rate": 0.001},
        "variants": variants(),
        "seeds": [1],
    },
)


@pytest.fixture(scope="module")
def results(tmp_path_factory, write_config):
    """The results folder of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("encoders"))
    metrics = "results/micro/metrics/synthetic_events.variants.parquet"
    workflow(write_config("encoders", CONFIG), "--cores", "2", "--", metrics)
    return workflow.directory / "results/micro"


def test_every_encoder_is_scored_in_every_form(results):
    table = pd.read_parquet(results / "metrics/synthetic_events.variants.parquet")
    scored = table[(table["metric"] == "mAP") & table["value"].between(0, 1)]
    assert set(scored["name"]) == {f"{e}_{s}/1" for e in ENCODERS for s in STRATEGIES}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_drop_and_flip_have_epistemic_uncertainty_and_det_has_none(results, encoder):
    for strategy in STRATEGIES:
        path = results / f"predictions/synthetic_events/variants/{encoder}_{strategy}/seed1.h5"
        with h5py.File(path) as file:
            epistemic = file["epistemic"][()]
        assert np.isfinite(epistemic).all()
        assert (epistemic.max() > 1e-6) == (strategy != "det"), strategy


def test_flipout_networks_say_what_stays_deterministic(results):
    named = {}
    for encoder in ENCODERS:
        sidecar = results / f"checkpoints/variants/{encoder}_flip/seed1.json"
        named[encoder] = json.loads(sidecar.read_text()).get("deterministic_layers")
    assert named == dict.fromkeys(ENCODERS) | {
        "ast": {"encoder.tokens": "Tokens"},
        "talnet": {"encoder.gru": "GRU"},
    }

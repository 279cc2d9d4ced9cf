"""Recalibration and conformal sets end to end, and what they leave alone in a plan."""

import copy

import h5py
import numpy as np
import pandas as pd
import pytest
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge

WITHOUT = merge(
    SYNTHETIC,
    {
        "papers": ["uncertainty"],
        "ood": None,
        "datasets": {"synthetic_scenes": {"folds": 3}},
        "transfer": {"strategies": ["det"], "folds": [2]},
        "scratch": {"strategies": []},
        "validation": {"split": "next_fold"},
    },
)
PARTS = {
    "recalibration": {"phases": ["finetuned"]},
    "conformal": {
        "phases": ["finetuned"],
        "alpha": [0.25],
        "splits": 20,
        "penalty": 0.1,
        "free": 1,
    },
}
RUN = merge(WITHOUT, {"uncertainty": PARTS})
PAGE = "results/micro/uncertainty.md"
CLAIMS = "results/micro/tables/uncertainty_claims.csv"
NETWORK = "synthetic_scenes/det/fold2/finetuned"


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("recalibration"))
    config = write_config("recalibration", RUN)
    workflow(config, "--cores", "2", "--", PAGE, CLAIMS)
    return workflow, config, workflow.directory / "results/micro"


def read(path, name):
    with h5py.File(path) as file:
        return file[name][()]


def table(made, dataset, part):
    return pd.read_parquet(made[2] / f"metrics/{dataset}.{part}.parquet")


def test_the_validation_fold_is_scored_by_the_network_that_left_it_out(made):
    manifest = pd.read_parquet(made[2] / "manifests/synthetic_scenes.parquet").set_index("clip_id")
    for kind, fold in (("validation", 3), ("predictions", 2)):
        clips = read(made[2] / kind / f"{NETWORK}.h5", "clip_id").astype(str)
        assert set(manifest.loc[clips, "fold"]) == {fold}


def test_scores_can_be_recomputed_from_the_predictions(made):
    frame = table(made, "synthetic_scenes", "recalibration")
    assert set(frame["method"]) == {"uncalibrated", "temperature"}
    rows = frame.set_index(["method", "metric"])["value"]
    p, labels = (
        read(made[2] / "predictions" / f"{NETWORK}.h5", name)
        for name in ("mean_probability", "labels")
    )
    logits = np.log(p[0].astype(float)) / rows["temperature", "temperature"]
    warm = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for method, found in (("uncalibrated", p[0]), ("temperature", warm)):
        nll = -np.log(found[labels > 0]).mean()
        assert rows[method, "nll"] == pytest.approx(nll, rel=1e-5)


def test_upstream_networks_are_recalibrated_and_have_sets(made):
    frame = table(made, "synthetic_events", "recalibration")
    assert set(frame["strategy"]) == {"det", "drop", "flip"}
    assert set(frame["method"]) == {"uncalibrated", "temperature", "platt", "isotonic"}
    assert (frame["calibration_clips"] == 12).all()
    assert frame.groupby("strategy")["passes"].first().to_dict() == {"det": 1, "drop": 2, "flip": 2}
    sets = table(made, "synthetic_events", "conformal")
    assert set(sets["metric"]) == {"false_negative_rate", "size"}
    assert not (made[2] / "validation/synthetic_events").exists()


def test_the_page_and_the_claims_speak_of_each_dataset(made):
    page = (made[2] / "uncertainty.md").read_text()
    (said,) = [line for line in page.splitlines() if line.startswith("- **Recalibration.**")]
    assert "On Synthetic events" in said
    assert "On Synthetic scenes" in said
    assert "at 75% coverage Det fine-tuned answers with" in page
    assert "to miss at most 25% of a clip's labels" in page
    assert "<h1>" in (made[2] / "uncertainty.html").read_text()
    claims = pd.read_csv(made[2] / "tables/uncertainty_claims.csv").set_index(["claim", "dataset"])
    assert claims.loc[("sets_cover", "synthetic_scenes"), "verdict"] == "holds"
    unjudged = claims.loc[("platt_suffices", "synthetic_scenes")]
    assert unjudged["verdict"] == "cannot be judged"


def test_nothing_that_was_there_is_planned_anew(made, write_config):
    """Networks and predictions are those of the same run without the parts."""
    workflow = made[0]
    config = write_config("without", WITHOUT)
    wanted = f"results/micro/predictions/{NETWORK}.h5"
    assert "Nothing to be done" in workflow(config, "-n", "--", wanted).stdout


def test_too_few_recordings_name_the_key_before_training(made, write_config):
    changed = merge(copy.deepcopy(RUN), {"uncertainty": {"conformal": {"alpha": [0.05]}}})
    config = write_config("too_few", changed)
    target = "results/micro/manifests/synthetic_scenes.calibration_recordings.csv"
    done = made[0](config, "--cores", "1", "--", target, check=False)
    assert done.returncode
    message = "uncertainty.conformal.alpha: 0.05 needs 19 recordings"
    assert message in done.stderr

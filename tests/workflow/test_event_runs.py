"""Events in time end to end: scores of frames, events cut from them, and how well they lie."""

import copy
import re

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge

NAMES = ["bell", "rain", "siren", "engine"]
CLIPS = 12
EVENTS = merge(
    {key: value for key, value in SYNTHETIC.items() if key != "model"},
    {
        "papers": ["event_detection"],
        "transfer_datasets": [],
        "ood": None,
        "datasets": {
            "synthetic_events": {
                "clip_seconds": 4.0,
                "options": {
                    "train_clips": 64,
                    "eval_clips": CLIPS,
                    "classes": NAMES,
                    "sample_rate": 16000,
                },
            }
        },
        "features": {"logmel": {"sample_rate": 16000, "fmax": 8000, "hop_length": 1600}},
        "model": {
            "encoder": "frame_mlp",
            "frame_mlp": {"hidden": 32, "dropout": 0.2},
            "pooled": "scores",
            "head": "linear",
        },
        "pretrain": {"epochs": 20, "learning_rate": 0.01},
        "variants": {
            "linear_softmax": {"model": {"pooling": "linear_softmax"}},
            "mean": {"model": {"pooling": "mean"}, "strategy": "drop"},
        },
        "seeds": [1],
        "evaluation": {"frame_scores": True},
        "events": {"low": 0.3, "merge_gap_s": 0.2},
    },
)
TABLE = "results/micro/tables/event_detection_localisation.csv"


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("events"))
    config = write_config("events", EVENTS)
    workflow(config, "--cores", "2", "--", TABLE)
    return workflow, config, workflow.directory / "results/micro"


def read(results, member):
    with h5py.File(results / f"predictions/synthetic_events/variants/{member}.h5") as file:
        return {name: file[name][()] for name in file}


def test_frames_of_a_clip_are_there_for_each_replication(made):
    _, _, results = made
    one, drop = read(results, "linear_softmax/seed1"), read(results, "mean/seed1")
    frames = 41  # of 4 s, one each 0.1 s
    assert one["frame_probability"].shape == (1, CLIPS, frames, len(NAMES))
    assert drop["frame_probability"].shape == (3, CLIPS, frames, len(NAMES))
    assert (one["frame_epistemic"] == 0).all()
    assert (drop["frame_epistemic"] > 0).mean() > 0.9


def test_a_clips_score_is_the_pooling_of_its_frames(made):
    _, _, results = made
    one, drop = read(results, "linear_softmax/seed1"), read(results, "mean/seed1")
    y = one["frame_probability"].astype(np.float64)
    pooled = (y * y).sum(axis=2) / y.sum(axis=2)
    np.testing.assert_allclose(one["mean_probability"], pooled, atol=1e-3)
    mean = drop["frame_probability"].astype(np.float64).mean(axis=2)
    np.testing.assert_allclose(drop["mean_probability"], mean, atol=1e-3)


def test_events_are_the_frames_that_score_enough(made):
    _, _, results = made
    found = pd.read_csv(results / "events/synthetic_events/variants/mean/seed1.csv")
    file = read(results, "mean/seed1")
    clips = file["clip_id"].astype(str).tolist()
    assert len(found)
    for event in found.itertuples():
        name = getattr(event, "_2")  # noqa: B009
        own = file["frame_probability"][:, clips.index(event.clip_id), :, NAMES.index(name)]
        frames = slice(round(event.onset_s * 41 / 4), round(event.offset_s * 41 / 4))
        p = own.astype(np.float64).mean(axis=0)[frames]
        assert event.score == pytest.approx(p.mean(), abs=1e-6)
        assert p.max() >= 0.5
        whole = entropy([p, 1 - p], axis=0).mean()
        assert event.aleatoric + event.epistemic == pytest.approx(whole, abs=1e-3)


def test_strong_labels_are_those_of_the_clips_labels(made):
    _, _, results = made
    strong = pd.read_csv(results / "manifests/synthetic_events.strong_labels.csv")
    manifest = pd.read_parquet(results / "manifests/synthetic_events.parquet")
    for clip_id, labels in zip(manifest["clip_id"], manifest["labels"], strict=True):
        own = strong[strong["clip_id"] == clip_id]
        assert sorted(own["class"]) == sorted(labels)
        assert (own["offset_s"] <= 4.0).all()


def test_the_table_counts_segments_as_by_hand(made):
    _, _, results = made
    table = pd.read_csv(results.parents[1] / TABLE)
    assert table["row"].unique().tolist() == ["Average Pooling", "Linear Softmax"]
    strong = pd.read_csv(results / "manifests/synthetic_events.strong_labels.csv")
    path = results / "events/synthetic_events/variants/linear_softmax/seed1.csv"
    ours, truth = (active_segments(events) for events in (pd.read_csv(path), strong))
    truth = {one for one in truth if one[0].startswith("eval")}
    own = table[(table["name"] == "linear_softmax") & (table["metric"] == "segment_f1")]
    expected = 2 * len(ours & truth) / (len(ours) + len(truth))
    assert own["ours"].item() == pytest.approx(expected)
    assert own["paper"].item() == 0.454


def active_segments(events):
    """(clip, class, second) of each segment of 1 s that an event reaches into."""
    return {
        (clip, name, second)
        for clip, name, onset, offset in zip(
            *(events[c] for c in ("clip_id", "class", "onset_s", "offset_s")), strict=True
        )
        for second in range(int(onset), int(np.ceil(round(offset, 6))))
    }


def test_another_threshold_cuts_and_scores_again_and_predicts_nothing(made, write_config):
    workflow, _, _ = made
    for change, expected in (
        ({}, {}),
        ({"events": {"high": 0.6}}, {"events": 2, "localisation": 1, "table": 1}),
    ):
        edited = write_config("edited", merge(copy.deepcopy(EVENTS), change))
        output = workflow(edited, "-n", "--quiet", "rules", "--", TABLE).stdout
        lines = [line.split() for line in output.splitlines()]
        found = {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit()}
        found.pop("total", None)
        assert found == expected


def test_events_are_scored_whichever_paper_the_run_is_of(tmp_path, write_config):
    other = write_config("other_paper", merge(copy.deepcopy(EVENTS), {"papers": ["psla"]}))
    planned = Workflow(tmp_path)(other, "-n", "--quiet", "rules").stdout
    assert re.search(r"^localisation +1$", planned, re.MULTILINE)

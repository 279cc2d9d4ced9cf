"""PSLA's recipe from audio to its tables, figures and ledger, in a network of an eighth of the
width: a teacher enhances labels by an ontology, checkpoints are averaged, and ensembles made."""

import hashlib
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from workflow_harness import SYNTHETIC, Workflow

from vipann.config import merge
from vipann.datasets.label_sets import read_label_set

CHILD, PARENT = "siren", "engine"
CLASSES = ["voice", "bird", PARENT, CHILD, "rain", "wind"]
ONTOLOGY = [
    {"id": name, "name": name, "child_ids": [CHILD] * (name == PARENT), "restrictions": []}
    for name in CLASSES
]
AUGMENTED = {"mixup_alpha": 10, "mixup_rate": 0.5, "masking": {"frequency": 8, "time": 20}}
AUGMENTED |= {"waveform_augmentation": {}}
RECIPE = AUGMENTED | {"sampling": "balanced", "label_set": "both", "keep_epochs": 2}
PSLA = merge(
    SYNTHETIC,
    {
        "papers": ["psla"],
        "transfer_datasets": [],
        "ood": None,
        "datasets": {
            "synthetic_events": {
                "clip_seconds": 2.0,
                "options": {"sample_rate": 16000, "train_clips": 36, "classes": CLASSES},
            }
        },
        "features": {
            "front_end": "kaldi_fbank",
            "kaldi_fbank": {"mel_bands": 32, "frames": 208},
        },
        "model": {
            "encoder": "efficientnet",
            "efficientnet": {"variant": "b0", "width": 0.125},
            "pooling": "multi_head_attention",
            "pooled": "scores",
            "head": "linear",
            "multi_head_attention": {"heads": 2},
        },
        "pretrain": {
            "epochs": 2,
            "batch_size": 12,
            "validate_every": 0,
            "amsgrad": False,
            "mixup_alpha": 0,
            "mixup_partner": "uniform",
            "spec_augment": {"time_stripes": 0, "mel_stripes": 0},
        },
        "variants": {
            "augmented": {"pretrain": AUGMENTED},
            "psla": {"pretrain": RECIPE},
        },
        "seeds": [1, 2],
        "averages": {"averaged": {"of": "psla/*", "epochs": "all", "batch_norm": "recomputed"}},
        "ensembles": {
            "checkpoints": {"members": ["psla/1"], "epochs": "all"},
            "seeds": {"members": ["psla/*"]},
        },
        "label_sets": {"both": {"teacher": "augmented/1", "threshold": "mean"}},
    },
)
# That of the whole synthetic demo is another front end's and encoder's.
PSLA["features"].pop("logmel")
PSLA["model"].pop("resnet54")
TARGETS = [
    *(f"tables/psla_{name}.csv" for name in ("table10", "table12", "uncertainty", "claims")),
    "figures/psla_uncertainty.png",
]
TARGETS = [f"results/micro/{target}" for target in TARGETS]


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished run."""
    workflow = Workflow(tmp_path_factory.mktemp("psla_dag"))
    mirror = tmp_path_factory.mktemp("mirror")
    ontology = mirror / "ontology.json"
    ontology.write_text(json.dumps(ONTOLOGY))
    digest = hashlib.sha256(ontology.read_bytes()).hexdigest()
    entry = {"ontology": {"file": ontology.name, "sha256": [digest]}}
    places = {"data": {"mirror": str(mirror)}, "datasets": {"synthetic_events": entry}}
    config = write_config("psla_dag", merge(PSLA, places))
    workflow(config, "--cores", "2", "--", *TARGETS)
    return workflow, config, workflow.directory / "results/micro"


def precision(path):
    """mAP over the classes that there are, by scikit-learn."""
    with h5py.File(path) as file:
        labels, scores = file["labels"][()], file["mean_probability"][0]
    there = labels.any(axis=0)
    return average_precision_score(labels[:, there], scores[:, there], average="macro")


def test_a_second_run_has_nothing_to_do(made):
    workflow, config, _ = made
    assert "Nothing to be done" in workflow(config, "-n", "--", *TARGETS).stdout


def test_the_student_learns_the_teachers_labels(made):
    results = made[2]
    path = results / "label_sets/both.parquet"
    manifest = pd.read_parquet(results / "manifests/synthetic_events.parquet")
    labels, added = read_label_set(path).by_clip, []
    for row in manifest.itertuples():
        new = set(labels[row.clip_id]) - set(row.labels)
        assert set(row.labels) <= set(labels[row.clip_id])
        kin = {CHILD: PARENT, PARENT: CHILD}
        assert all(kin.get(name) in row.labels and row.split == "train" for name in new)
        added += new
    assert added
    facts = json.loads((results / "checkpoints/variants/psla/seed1.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["label_set"] == {"name": "both", "sha256": digest}
    assert facts["features"]["front_end"] == "kaldi_fbank"
    assert facts["settings"]["model"]["efficientnet"]["width"] == 0.125


def test_tables_can_be_recomputed_from_the_predictions(made):
    results = made[2]
    folder = results / "predictions/synthetic_events"
    single, averaged = (
        [precision(folder / f"variants/psla/seed{seed}{end}.h5") for seed in (1, 2)]
        for end in ("", ".averaged")
    )
    table = pd.read_csv(results / "tables/psla_table10.csv").set_index("row")["ours"]
    assert table["Without Weight Averaging"] == pytest.approx(np.mean(single), abs=1e-6)
    assert table["With Weight Averaging"] == pytest.approx(np.mean(averaged), abs=1e-6)
    ways = pd.read_csv(results / "tables/psla_uncertainty.csv")
    ways = ways[ways["metric"] == "mAP"].set_index("row")["ours"]
    for row, name in (("Ensemble of checkpoints", "checkpoints"), ("Ensemble of seeds", "seeds")):
        expected = precision(folder / f"ensembles/{name}.h5")
        assert ways[row] == pytest.approx(expected, abs=1e-6)


def test_claims_are_judged_on_this_run(made):
    results = made[2]
    claims = pd.read_csv(results / "tables/psla_claims.csv").set_index("claim")
    ways = pd.read_csv(results / "tables/psla_uncertainty.csv")
    ways = ways[ways["metric"] == "mAP"].set_index("row")["ours"]
    seeds_win = ways["Ensemble of seeds"] > ways["Ensemble of checkpoints"]
    verdict = claims.loc["seeds_above_checkpoints", "verdict"]
    assert verdict == ("holds" if seeds_win else "does not hold")
    assert claims.loc["pretraining_helps", "verdict"] == "cannot be judged"


def test_the_figure_of_uncertainty_is_drawn(made):
    figure = made[2] / "figures/psla_uncertainty.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(figure.with_suffix(".csv")))

"""Training on a label set in the place of the features' own labels."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import torch
from recipes import recipe

from vipann.datasets.label_sets import write_label_set
from vipann.datasets.manifest import ClipTable
from vipann.errors import UserError
from vipann.features.batches import LogmelDataset
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.training import stages
from vipann.training.sampling import balancing, draw_of
from vipann.training.stages import Job


def label_set(features, out, change=lambda clip, names: names, classes=None, prefix=""):
    """A file with the features' own labels, changed clip by clip."""
    with FeatureStore(features) as store:
        names = [[store.classes[k] for k in np.flatnonzero(clip)] for clip in store.labels]
        clips = [f"{prefix}{clip}" for clip in store.clip_ids]
        classes = classes or store.classes
    changed = [change(clip, own) for clip, own in zip(clips, names, strict=True)]
    manifest = ClipTable(pd.DataFrame({"clip_id": clips}), list(classes))
    write_label_set(manifest, changed, "a test", out)
    return out


def trained(features, settings, out, labels=None, **changes):
    settings = settings | {"training": settings["training"] | {"batch_size": 4} | changes}
    job = Job("det", "pretrained", 0, features, None, settings, out, labels)
    stages.pretrain(job)
    return load_checkpoint(out)


def test_the_same_labels_give_the_same_weights_and_others_give_others(
    multilabel, upstream_settings, tmp_path
):
    same = label_set(multilabel, tmp_path / "same.parquet")
    other = label_set(multilabel, tmp_path / "other.parquet", lambda clip, names: ["quiet"])
    runs = {
        name: trained(multilabel, upstream_settings, tmp_path / f"{name}.safetensors", file)
        for name, file in (("own", None), ("same", same), ("other", other))
    }
    states = {name: state for name, (state, _) in runs.items()}
    assert all(torch.equal(states["own"][k], states["same"][k]) for k in states["own"])
    assert not torch.equal(states["own"]["head.fc1.weight"], states["other"]["head.fc1.weight"])
    assert "label_set" not in runs["own"][1]
    sha256 = hashlib.sha256(other.read_bytes()).hexdigest()
    assert runs["other"][1]["label_set"] == {"name": "other", "sha256": sha256}


def test_classes_are_counted_by_the_labels_that_are_learnt(multilabel):
    with FeatureStore(multilabel) as store:
        rows = store.rows(split="train")
        labels = np.zeros((len(rows), 3), np.uint8)
        labels[:, 0] = 1
        labels[3, 1] = 1
        clips = LogmelDataset(store, rows, labels)
        chances = draw_of(recipe(sampling="balanced"), clips).keywords["chances"]
        np.testing.assert_array_equal(chances, balancing(labels))
        assert chances.argmax() == 3
        x, y = clips[[3, 0]]
        np.testing.assert_array_equal(y, [[1, 1, 0], [1, 0, 0]])
        np.testing.assert_array_equal(x, store.read(rows[[3, 0]]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prefix": "x"}, "other clips.*clip00"),
        ({"classes": ["high", "low", "quiet", "loud"]}, "other classes.*loud"),
        ({"classes": ["low", "high", "quiet"]}, "other classes"),
        ({"change": lambda clip, names: None if clip == "clip03" else names}, "clip03"),
    ],
)
def test_a_label_set_of_other_clips_or_classes_is_refused(
    multilabel, upstream_settings, tmp_path, changes, message
):
    labels = label_set(multilabel, tmp_path / "set.parquet", **changes)
    with pytest.raises(UserError, match=message) as caught:
        trained(multilabel, upstream_settings, tmp_path / "c.safetensors", labels)
    assert "set.parquet" in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "balanced"},
        {"mixup_alpha": 10.0, "mixup_partner": "uniform", "mixup_rate": 0.5},
        {"mixup_alpha": 10.0, "mixup_rate": 0.5},
        {"masking": {"frequency": 16, "time": 10, "value": 0.5}},
        {"weight_decay": 0.1},
        {"betas": [0.5, 0.9]},
        {"warmup_steps": 3},
        {
            "learning_rate_schedule": "halving",
            "learning_rate_halving": {"first_epoch": 1, "every_epochs": 1},
            "steps": None,
            "epochs": 2,
        },
    ],
)
def test_every_key_of_the_recipe_changes_what_is_learnt(
    multilabel, upstream_settings, tmp_path, changes
):
    base = {key: value for key, value in changes.items() if key in ("steps", "epochs")}
    plain, _ = trained(multilabel, upstream_settings, tmp_path / "a.safetensors", **base)
    found, _ = trained(multilabel, upstream_settings, tmp_path / "b.safetensors", **changes)
    assert not torch.equal(plain["head.fc1.weight"], found["head.fc1.weight"])

"""Variants, ensembles and averages that contradict are named by file and key, before any job."""

from pathlib import Path

import pytest
import yaml

from vipann.config import check_config, merge, read_layer
from vipann.errors import UserError

ROOT = Path(__file__).parents[2]
BASE = ROOT / "config/config.yaml"
RIGHT = {
    "transfer_datasets": ["esc50"],
    "pretrain": {"epochs": 6, "keep_epochs": 4},
    "variants": {
        "plain": {},
        "mixup": {"pretrain": {"mixup_alpha": 0.5}},
        "wide": {"model": {"resnet54": {"width": 32}}, "pretrain": {"keep_epochs": 0}},
        "drop": {"strategy": "drop"},
        "flip": {"strategy": "flip", "start": "plain/1"},
        "scratch": {
            "stage": "scratch",
            "strategy": "det_flip",
            "features": {"logmel": {"mel_bands": 32}},
            "scratch": {"epochs": 3},
        },
        "moved": {"stage": "transfer", "strategy": "flip", "start": "flip"},
        "of_the_run": {"stage": "transfer", "strategy": "drop", "transfer": {"batch_size": 8}},
    },
    "seeds": [1, 2],
    "averages": {"late": {"of": "mixup/*", "epochs": {"first": 3, "last": 5}}},
    "ensembles": {
        "seeds": {"members": ["plain/*"]},
        "checkpoints": {"members": ["mixup/1"], "epochs": "all"},
        "on_folds": {"members": ["scratch/*", "moved/1"]},
    },
}

MIXED = {"mixup_alpha": 1, "fixed": {"cache": "embeddings", "backbone_mode": "eval"}}


@pytest.fixture
def faults(tmp_path):
    def check(changes):
        file = tmp_path / "mine.yaml"
        layer = merge(RIGHT, changes)
        file.write_text(yaml.safe_dump(layer))
        config = merge(read_layer(BASE), layer)
        try:
            check_config(config, ROOT / "workflow/schemas/config.schema.yaml", [BASE, file])
        except UserError as error:
            return str(error)
        return ""

    return check


def test_what_is_right_passes(faults):
    assert faults({}) == ""


def test_networks_from_scratch_need_no_upstream_data(faults):
    changes = {
        "upstream": None,
        "transfer": {"strategies": []},
        "variants": {"of_the_run": {"stage": "scratch", "transfer": {}}},
    }
    found = faults(changes)
    assert "upstream: null is not allowed with variants that are trained on it: plain" in found
    assert "where upstream networks are trained" not in found
    assert "where upstream networks are trained" in faults({"upstream": None})


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"variants": {"a": {"evaluation": {}}}}, "variants.a.evaluation", "unknown key"),
        ({"variants": {"a": {"transfer": {}}}}, "variants.a.transfer", "`stage: pretrain`"),
        (
            {"variants": {"scratch": {"pretrain": {"batch_size": 8}}}},
            *("variants.scratch.pretrain", "means nothing with `stage: scratch`"),
        ),
        (
            {"variants": {"moved": {"transfer": {"fixed": {"epoch": 1}}}}},
            *("variants.moved.transfer.fixed.epoch", "unknown key"),
        ),
        (
            {"variants": {"of_the_run": {"transfer": {"folds": [1]}}}},
            *("variants.of_the_run.transfer.folds", "the run's"),
        ),
        (
            {
                "variants": {
                    "moved": {"transfer": {"mixup_alpha": 1, "fixed": {"cache": "embeddings"}}}
                }
            },
            *("variants.moved.transfer.fixed.cache", "mixup mixes inputs"),
        ),
        (
            {"variants": {"scratch": {"features": {"logmel": {"fmax": 20000}}}}},
            *("variants.scratch.features.logmel.fmax", "half of sample_rate"),
        ),
        (
            {"variants": {"scratch": {"features": {"logmel": {"hop_length": 32000}}}}},
            *("variants.scratch: datasets.esc50.clip_seconds", "5 is not allowed"),
        ),
        (
            {"variants": {"scratch": {"model": {"pooling": "multi_head_attention"}}}},
            *("variants.scratch.model.pooling", "set model.pooled: scores"),
        ),
        (
            {"variants": {"scratch": {"start": "plain"}}},
            "variants.scratch.start",
            "is for transfer",
        ),
        ({"variants": {"moved": {"start": "fip"}}}, "variants.moved.start", "is no network"),
        ({"variants": {"moved": {"start": "scratch"}}}, "variants.moved.start", "on folds"),
        (
            {"variants": {"moved": {"start": "plain"}}},
            *("variants.moved.start", "transfer of flip starts from flip"),
        ),
        (
            {"variants": {"moved": {"features": {"logmel": {"mel_bands": 32}}}}},
            *("variants.moved.start", "another `features`"),
        ),
        (
            {"variants": {"moved": {"moped": {"prior": "weights"}}}},
            *("variants.moved.start", "another `moped.prior`"),
        ),
        (
            {"variants": {"of_the_run": {"model": {"resnet54": {"width": 32}}}}},
            *("variants.of_the_run.stage", "an upstream variant with its `model`"),
        ),
        ({"variants": {"a": {"strategy": "det_flip"}}}, "variants.a.strategy", "det_flip"),
        ({"transfer_datasets": []}, "transfer_datasets", "trained on their folds: scratch"),
        (
            {"ensembles": {"e": {"members": ["plain/1", "scratch/1"]}}},
            *("ensembles.e.members", "'scratch' on folds"),
        ),
        (
            {"ensembles": {"on_folds": {"epochs": "all"}}},
            *("ensembles.on_folds.epochs", "of trainings on folds no epochs are kept"),
        ),
        (
            {"averages": {"late": {"of": "moved/1"}}},
            *("averages.late.epochs", "of trainings on folds no epochs are kept"),
        ),
        (
            {"label_sets": {"new": {"teacher": "moved/1"}}},
            *("label_sets.new.teacher", "is no network of upstream"),
        ),
        (
            {"label_sets": {"new": {"teacher": "on_folds"}}},
            *("label_sets.new.teacher", "none of `ensembles` of these; known: plain/1"),
        ),
        ({"variants": {"a": {"pretrain": {"mixupp": 1}}}}, "variants.a.pretrain.mixupp", "unknown"),
        ({"variants": {"a": {"pretrain": {"mixup_alpha": -1}}}}, "a.pretrain.mixup_alpha", "-1"),
        ({"variants": {"a": {"pretrain": {"gpus": 2}}}}, "variants.a.pretrain.gpus", "the run's"),
        ({"variants": {"a": {"model": {"mn04": {}}}}}, "variants.a.model.mn04", "means nothing"),
        ({"variants": {"A-b": {}}}, "variants", "A-b"),
        ({"variants": {"ensembles": {}}}, "variants.ensembles", "rename"),
        ({"variants": {"a": {"strategy": "flip"}}}, "variants.a.strategy", "needs `start`"),
        ({"variants": {"a": {"start": "plain"}}}, "variants.a.start", "`strategy: flip` only"),
        ({"variants": {"flip": {"start": "plain/3"}}}, "variants.flip.start", "is no network"),
        ({"variants": {"flip": {"start": "drop"}}}, "variants.flip.start", "MOPED starts from det"),
        ({"variants": {"flip": {"start": "wide"}}}, "variants.flip.start", "another `model`"),
        (
            {"variants": {"a": {"pretrain": {"epochs": 3}}}},
            "variants.a: ",
            "keep_epochs: 4 is more",
        ),
        (
            {"variants": {"a": {"pretrain": {"learning_rate_schedule": "halving"}}}},
            *("variants.a.pretrain.learning_rate_schedule", "needs learning_rate_halving"),
        ),
        (
            {"variants": {"a": {"pretrain": {"mixing": "cutmix", "mixup_partner": "pair"}}}},
            *("variants.a.pretrain.mixing", "'cutmix' needs mixup_partner: uniform"),
        ),
        ({"seeds": []}, "seeds", "not allowed with `variants`"),
        ({"upstream": None}, "upstream", "null is not allowed"),
        ({"ensembles": {"e": {"members": ["plain/1"]}}}, "ensembles.e.members", "ensemble of one"),
        (
            {"ensembles": {"e": {"members": ["plain/1", "plan/*"]}}},
            *("ensembles.e.members", "'plan/*' is no network of a variant; known: plain/1"),
        ),
        (
            {"ensembles": {"e": {"members": ["plain/1"], "epochs": {"last": 1}}}},
            *("ensembles.e.members", "ensemble of one"),
        ),
        (
            {"ensembles": {"e": {"members": ["mixup/1", "wide/1"], "epochs": "all"}}},
            *("ensembles.e.epochs", "of variant 'wide', of which pretrain.keep_epochs keeps none"),
        ),
        (
            {"averages": {"late": {"epochs": {"first": 2, "last": 5}}}},
            *("averages.late.epochs", "keeps epochs 3 to 6"),
        ),
        ({"averages": {"late": {"epochs": {"last": 7}}}}, "averages.late.epochs", "3 to 6"),
        (
            {"averages": {"a": {"of": "mixup/1", "epochs": {"last": 5}}}},
            *("averages.a.epochs", "keeps epochs 3 to 6"),
        ),
        (
            {"averages": {"late": {"of": "nobody/1"}}},
            "averages.late.of",
            "'nobody/1' is no network",
        ),
    ],
)
def test_what_contradicts_is_named(faults, changes, key, said):
    found = faults(changes)
    assert key in found
    assert said in found
    assert "mine.yaml: " in found

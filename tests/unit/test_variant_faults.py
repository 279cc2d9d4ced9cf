"""Variants, ensembles and averages that contradict are named by file and key, before any job."""

from pathlib import Path

import pytest
import yaml

from vipann.config import check_config, merge, read_layer
from vipann.errors import UserError

ROOT = Path(__file__).parents[2]
BASE = ROOT / "config/config.yaml"
RIGHT = {
    "pretrain": {"epochs": 6, "keep_epochs": 4},
    "variants": {
        "plain": {},
        "mixup": {"pretrain": {"mixup_alpha": 0.5}},
        "wide": {"model": {"resnet54": {"width": 32}}, "pretrain": {"keep_epochs": 0}},
        "drop": {"strategy": "drop"},
        "flip": {"strategy": "flip", "start": "plain/1"},
    },
    "seeds": [1, 2],
    "averages": {"late": {"of": "mixup/*", "epochs": {"first": 3, "last": 5}}},
    "ensembles": {
        "seeds": {"members": ["plain/*"]},
        "checkpoints": {"members": ["mixup/1"], "epochs": "all"},
    },
}


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


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"variants": {"a": {"transfer": {}}}}, "variants.a.transfer", "unknown key"),
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

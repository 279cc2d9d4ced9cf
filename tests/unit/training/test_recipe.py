"""Which keys of the config reach a training, and that none goes astray."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from vipann.config import read_layer
from vipann.training.recipe import Pretrain, Scratch, Transfer

CONFIG = read_layer(Path(__file__).parents[3] / "config/config.yaml")
# What of these blocks decides which networks there are, and how their jobs run.
NOT_LEARNT_FROM = {
    "checkpoint_every",
    "tensorboard",
    "source",
    "checkpoints",
    "gpus",
    "validate_every",
    "strategies",
    "folds",
    "fixed",
    "finetuned",
    "ensemble_members",
    "train_fraction",
    "held_out_classes",
}


@pytest.mark.parametrize(
    ("recipe", "blocks"),
    [
        (Pretrain, [CONFIG["training"], CONFIG["pretrain"]]),
        (Transfer, [CONFIG["training"], CONFIG["transfer"], CONFIG["transfer"]["fixed"]]),
        (Transfer, [CONFIG["training"], CONFIG["transfer"], CONFIG["transfer"]["finetuned"]]),
        (Scratch, [CONFIG["training"], CONFIG["scratch"]]),
    ],
)
def test_every_key_of_a_stages_blocks_is_a_field_of_its_recipe(recipe, blocks):
    keys = {key for block in blocks for key in block}
    assert keys - NOT_LEARNT_FROM <= {f.name for f in fields(recipe)}
    taken = recipe.settings(*blocks)
    assert set(taken) == keys - NOT_LEARNT_FROM
    made = recipe.of({"training": taken, "seed": 1})
    assert all(getattr(made, key) == value for key, value in taken.items())


def test_the_last_block_wins_and_an_unknown_key_is_refused():
    taken = Pretrain.settings(CONFIG["training"], CONFIG["pretrain"], {"steps": 7})
    assert taken["steps"] == 7
    with pytest.raises(TypeError, match="stepps"):
        Pretrain.of({"training": taken | {"stepps": 8}})


def test_a_plan_reads_recipes_without_torch():
    code = "import sys, vipann.training.recipe; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""The out-of-distribution set at the length of each network's own clips."""

from pathlib import Path

import pytest

from vipann.config import check_config, merge, read_layer
from vipann.datasets.windows import dataset_blocks, windows_name, windows_of
from vipann.errors import UserError

ROOT = Path(__file__).parents[3]
PAPER = ROOT / "config/config.yaml"


@pytest.fixture
def config():
    return read_layer(PAPER)


def test_each_networks_windows_are_as_long_as_its_own_clips(config):
    assert windows_of(config) == {
        "audioset": "shipsear_10s",
        "esc50": "shipsear_5s",
        "urbansound8k": "shipsear_5s",
        "dcase2013": "shipsear_30s",
    }
    blocks = dataset_blocks(config)
    for dataset, windows in windows_of(config).items():
        assert blocks[windows]["clip_seconds"] == blocks[dataset]["clip_seconds"]
        assert blocks[windows]["adapter"] == "shipsear"
    assert config["datasets"].keys() == blocks.keys() - set(windows_of(config).values())


def test_the_users_recordings_are_cut_whatever_their_options_say(config):
    ships = {"adapter": "folder", "options": {"path": "/ships"}, "clip_seconds": 99.0}
    config = merge(config, {"ood": "mine", "datasets": {"mine": ships}})
    block = dataset_blocks(config)["mine_5s"]
    assert block["options"] == {"path": "/ships", "windows": "whole"}
    assert block["clip_seconds"] == 5.0


def test_there_are_none_without_such_a_set_and_names_are_fit_for_paths(config):
    assert windows_of(config | {"ood": None}) == {}
    assert windows_of(config | {"upstream": None}).keys() == set(config["transfer_datasets"])
    assert windows_name("ships", 0.5) == "ships_0p5s"
    assert windows_name("ships", 10.0) == "ships_10s"


def check(config):
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml", [PAPER])


def test_a_dataset_must_not_be_called_like_the_windows_of_another(config):
    config["datasets"]["shipsear_5s"] = dict(config["datasets"]["esc50"])
    with pytest.raises(UserError, match="shipsear_5s"):
        check(config)


def test_networks_own_clips_need_a_length_and_others_do_not(config):
    check(config)
    del config["datasets"]["esc50"]["clip_seconds"]
    with pytest.raises(UserError, match=r"esc50.*\n?.*clip_seconds"):
        check(config)

"""Files of weights as people have them, and as nobody should: what is taken, and what is said."""

import argparse
import zipfile

import pytest
import torch

from vipann.errors import UserError
from vipann.models.weight_files import read_tensors, refuse_unfit

STATE = {"fc1.weight": torch.ones(3, 2), "bn.running_var": torch.ones(2)}


@pytest.fixture
def read(tmp_path):
    def saved_and_read(content):
        torch.save(content, tmp_path / "w.pth")
        found = read_tensors(tmp_path / "w.pth")
        refuse_unfit(found, tmp_path / "w.pth")
        return found

    return saved_and_read


@pytest.mark.parametrize(
    "prefix", ["", "module.module.", "model.", "_orig_mod.", "model._orig_mod."]
)
def test_names_of_wrapping_modules_are_taken_off(read, prefix):
    wrapped = {f"{prefix}{name}": value for name, value in STATE.items()}
    assert read({"epoch": 3, "state_dict": wrapped}).keys() == STATE.keys()


def test_a_prefix_of_some_names_only_is_part_of_them(read):
    state = STATE | {"model.bias": torch.ones(1)}
    assert read(state).keys() == state.keys()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.ones(2, device="meta"), "no values"),
        (torch.eye(3).to_sparse(), "sparse"),
        (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantized"),
        (torch.ones(2, dtype=torch.complex64), "complex64, not floating point"),
        (torch.ones(2, dtype=torch.int8), "int8, not floating point"),
        (torch.tensor(1.0), "single number"),
        (torch.ones(1).expand(10**6, 10**6), r"claims the shape \(1000000, 1000000\) of 4 bytes"),
    ],
)
def test_tensors_that_no_network_has_are_named(read, value, said):
    with pytest.raises(UserError, match=rf"w\.pth holds no network's weights: fc2 .*{said}"):
        read(STATE | {"fc2": value})


def test_a_variance_below_zero_is_named(read):
    with pytest.raises(UserError, match=r"bn\.running_var is a variance below 0"):
        read(STATE | {"bn.running_var": torch.tensor([1.0, -0.1])})


def test_counters_of_batches_are_whole_numbers(read):
    state = STATE | {"bn.num_batches_tracked": torch.tensor(7)}
    assert read(state)["bn.num_batches_tracked"] == 7


def test_a_dict_that_holds_itself_ends(read):
    content = {"epoch": 1}
    content["model"] = content
    with pytest.raises(UserError, match="holds no state dict"):
        read(content)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_unread(tmp_path):
    plain, bomb = tmp_path / "plain.pth", tmp_path / "bomb.pth"
    torch.save({"fc1.weight": torch.zeros(1000, 1000)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        for name in source.namelist():
            made.writestr(name, source.read(name))
    with pytest.raises(UserError, match=r"bomb\.pth is 0\.0\d+ MB and would unpack to 4 MB"):
        read_tensors(bomb)


@pytest.mark.parametrize(
    ("content", "culprit"),
    [
        ({"model": STATE, "args": argparse.Namespace(lr=1)}, "argparse.Namespace"),
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    ],
)
def test_what_could_run_code_is_named_and_nobody_is_told_to_load_it(read, content, culprit):
    with pytest.raises(UserError, match="could run code") as refused:
        read(content)
    assert culprit in str(refused.value)
    assert "weights_only" not in str(refused.value)


def test_a_torchscript_program_is_called_that(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "w.pth")
    with pytest.raises(UserError, match="it is a TorchScript program") as refused:
        read_tensors(tmp_path / "w.pth")
    assert "weights_only" not in str(refused.value)

"""Where networks run, and in which arithmetic a device computes."""

import pytest
import torch

from vipann import devices
from vipann.devices import choose_device, machine_facts, print_machine, resolved_precision
from vipann.errors import MachineWarning, UserError


@pytest.mark.parametrize("has_it", [True, False])
def test_auto_is_bfloat16_on_the_gpus_that_have_it(monkeypatch, has_it):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_it)
    found = "bfloat16" if has_it else "float32"
    assert resolved_precision("auto", torch.device("cuda")) == found
    assert resolved_precision("auto", torch.device("cpu")) == "float32"


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_asked_for_stands_where_the_device_has_it(monkeypatch, wanted, device):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": True})
    assert resolved_precision(wanted, torch.device(device)) == wanted


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_emulated_bfloat16_is_replaced_and_the_log_says_so(monkeypatch, capsys, device):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert resolved_precision("bfloat16", torch.device(device)) == "float32"
    assert "float32 instead" in capsys.readouterr().out


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine where torch sees no GPU, and nothing was granted."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "_DRIVERS", ())
    for name in devices._GRANTS:
        monkeypatch.delenv(name, raising=False)
    devices._warn_of_unseen_gpu.cache_clear()


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(no_gpu):
    with pytest.raises(UserError, match="accelerator: gpu, but torch sees no GPU"):
        choose_device("gpu")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
def test_without_a_gpu_the_cpu_is_taken_without_a_word(no_gpu, accelerator):
    assert choose_device(accelerator).type == "cpu"


def test_a_granted_gpu_that_torch_does_not_see_is_told_once(no_gpu, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_GPUS", "0")
    with pytest.warns(MachineWarning, match="torch does not see it") as shown:
        assert [choose_device("auto").type for _ in range(2)] == ["cpu", "cpu"]
    assert len(shown) == 1


def test_a_log_says_what_a_job_ran_on(capsys):
    print_machine(torch.device("cpu"), "float32")
    line = capsys.readouterr().out
    assert f"device cpu, precision float32, threads {torch.get_num_threads()}," in line
    assert machine_facts(torch.device("cpu"), "float32")["torch"] == torch.__version__

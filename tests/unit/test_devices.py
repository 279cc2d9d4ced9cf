"""In which arithmetic a device computes."""

import pytest
import torch

from vipann.devices import resolved_precision


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

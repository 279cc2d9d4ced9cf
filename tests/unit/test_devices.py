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
def test_what_is_asked_for_stands(wanted, device):
    assert resolved_precision(wanted, torch.device(device)) == wanted

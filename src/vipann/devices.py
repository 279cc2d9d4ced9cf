"""Where networks run, and in which arithmetic."""

import torch


def choose_device(accelerator: str) -> torch.device:
    """`auto` takes a GPU where torch sees one; other names are torch's own, such as `cpu`."""
    if accelerator in ("auto", "gpu"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(accelerator)


def resolved_precision(wanted: str, device: torch.device) -> str:
    """`float32` or `bfloat16`; `auto` is bfloat16 on GPUs that have it, float32 elsewhere."""
    if wanted != "auto":
        return wanted
    has_it = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if has_it else "float32"

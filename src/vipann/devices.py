"""Where networks run, and in which arithmetic."""

import torch


def choose_device(accelerator: str) -> torch.device:
    """`auto` takes a GPU where torch sees one; other names are torch's own, such as `cpu`."""
    if accelerator in ("auto", "gpu"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(accelerator)


def resolved_precision(wanted: str, device: torch.device) -> str:
    """`float32` or `bfloat16`: `wanted`, where the device computes it in its own instructions.

    `auto` wants bfloat16 on GPUs only.
    """
    if wanted == "float32" or (wanted == "auto" and device.type != "cuda"):
        return "float32"
    if has_bfloat16(device):
        return "bfloat16"
    if wanted == "bfloat16":
        print(f"bfloat16: this {device.type} has no instructions for it; float32 instead")
    return "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is more than an emulation there, which is many times slower on a CPU."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    instructions = torch.cpu.get_capabilities()
    return any(instructions.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))

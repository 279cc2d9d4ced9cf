"""Where networks run."""

import torch


def choose_device(accelerator: str) -> torch.device:
    """`auto` takes a GPU where torch sees one; other names are torch's own, such as `cpu`."""
    if accelerator in ("auto", "gpu"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(accelerator)

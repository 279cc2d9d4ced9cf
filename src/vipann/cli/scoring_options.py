"""The arguments that all commands have which score recordings."""

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vipann.survey.engine import Survey


def add_scoring(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("scoring")
    group.add_argument(
        "--hop-seconds",
        type=float,
        metavar="S",
        help="from a window's start to the next one's (default: the length of a window)",
    )
    group.add_argument(
        "--mc-samples", type=int, metavar="M", help="Monte Carlo samples (default: the run's)"
    )
    group.add_argument("--seed", type=int, metavar="N", help="of all draws (default: the run's)")
    group.add_argument(
        "--precision",
        choices=["float32", "bfloat16", "auto"],
        default="float32",
        help="arithmetic of the networks; auto: bfloat16 on GPUs (default: float32)",
    )
    group.add_argument("--accelerator", choices=["auto", "cpu", "gpu"], default="auto")
    group.add_argument("--batch-size", type=int, default=16, metavar="B", help="windows at once")
    group.add_argument(
        "--workers",
        type=int,
        default=max(1, (os.cpu_count() or 1) // 2),
        metavar="W",
        help="threads that make features (default: half the cores; the networks take the others)",
    )


def survey_of(options: argparse.Namespace) -> "Survey":
    """What these arguments say; the networks' threads are set."""
    import torch

    from vipann.errors import UserError
    from vipann.survey.engine import Survey

    for name in ("batch_size", "workers"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1")
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - options.workers))
    names = ("hop_seconds", "mc_samples", "seed", "precision", "accelerator", "batch_size")
    return Survey(workers=options.workers, **{name: getattr(options, name) for name in names})

"""The deterministic mean of a model as one program that runs without this project."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vipann.errors import UserError
from vipann.files import replacing
from vipann.models.mean_weights import mean_network
from vipann.models.network import Network
from vipann.survey.model import PROGRAM, Model
from vipann.survey.scoring import front_end_for, states_of
from vipann.tasks import Task

_TOLERANCE = 1e-4


class DeterministicMean(nn.Module):
    """Features (B, T, M), or waveforms (B, S), as the model's front end makes them, to
    probabilities (B, C): the mean over the folds' networks of softmax, or of sigmoids.

    Flipout layers have the means of their posteriors as weights, and dropout is off: nothing is
    drawn, so that this tells nothing of uncertainty.
    """

    def __init__(self, networks: Sequence[Network], task: Task) -> None:
        super().__init__()
        self.networks, self.task = nn.ModuleList(networks), task

    def forward(self, features: Tensor) -> Tensor:
        logits = torch.stack([network(features) for network in self.networks])
        scores = logits.softmax(-1) if self.task == "multiclass" else logits.sigmoid()
        return scores.mean(0)


def deterministic_mean(model: Model) -> DeterministicMean:
    """In evaluation mode, on the CPU."""
    networks = [mean_network(model.facts, state) for _, state in states_of(model)]
    return DeterministicMean(networks, model.task).eval()


def write_program(model: Model) -> Path:
    """Write model.pt2 (`torch.export`) of any batch size, once it gives the networks' own scores.

    Raises:
        UserError: the network cannot be exported, or the program's scores differ by over 1e-4.
    """
    mean, path = deterministic_mean(model), model.folder / PROGRAM
    shape = front_end_for(model).shape(model.clip_seconds)
    rng = np.random.default_rng(0)
    three, five = (
        torch.from_numpy(rng.standard_normal((n, *shape)).astype(np.float32)) for n in (3, 5)
    )
    try:
        with torch.inference_mode(False), torch.no_grad():
            batch = {0: torch.export.Dim("batch", min=1)}
            program = torch.export.export(mean, (three,), dynamic_shapes=(batch,))
            with replacing(path) as beside:
                torch.export.save(program, os.fspath(beside))
                again = torch.export.load(os.fspath(beside)).module()
                difference = float((again(five) - mean(five)).abs().max())
                if not difference <= _TOLERANCE:
                    raise UserError(
                        f"{path}: its scores differ from the networks' by {difference:.2g}, so "
                        "that it was not kept; the model folder is whole without it."
                    )
    except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
        raise UserError(
            f"{path} cannot be made, the model folder is whole without it: torch.export says "
            f"{str(error).splitlines()[0]}"
        ) from None
    return path

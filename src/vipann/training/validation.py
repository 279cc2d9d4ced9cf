"""Scores while a network trains.

`Validation` is on clips that are neither trained on nor tested, and epochs and settings are chosen
by it; the test fold is not among the rows that a training job reads, so nothing can be chosen by
it. `UpstreamScores` are to be looked at only: pretraining ends after its steps.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.models.flipout import fixed_posteriors
from vipann.models.network import Network
from vipann.models.strategies import is_random_at_inference
from vipann.scores import accuracy, multilabel_scores, negative_log_likelihood
from vipann.training.backbone_cache import EmbeddingDataset
from vipann.training.fabric import Fabric, gathered
from vipann.training.launch import Runtime

_CLIPS_AT_ONCE = 64


class Check:
    """Something that scores the module now and then and never changes it.

    `scores` is called after `done` steps where `due` says so, in all processes, with the module in
    evaluation mode; what it draws leaves the training's generators as they are. Its scores go into
    the curves. Its state (tensors, numbers, text) is kept with the training's.
    """

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool:
        raise NotImplementedError

    def scores(self, fabric: Fabric, done: int) -> dict[str, float]:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


class Validation(Check):
    """Accuracy and loss on the validation clips every so many epochs, and after the last.

    `curve` holds an entry per validation: epoch (counted from 1), accuracy, loss (mean negative log
    likelihood in nats). With `settings["select"]` best, the weights of the most accurate epoch are
    kept (of equals the one with the lower loss, then the earlier) and `restore` brings them back.
    """

    def __init__(
        self,
        network: nn.Module,
        clips: LogmelDataset | EmbeddingDataset,
        settings: Mapping[str, Any],
    ) -> None:
        self.network, self.clips, self.settings = network, clips, settings
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self._steps_per_epoch = 1

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool:
        self._steps_per_epoch = steps_per_epoch
        return done == steps or done % (steps_per_epoch * self.settings["every_epochs"]) == 0

    def scores(self, fabric: Fabric, done: int) -> dict[str, float]:
        with fabric.autocast(), fixed_posteriors(self.network):
            scores = self._scores(fabric.device)
        better = not self.curve or _rank(scores) > max(map(_rank, self.curve))
        self.curve.append({"epoch": done // self._steps_per_epoch, **scores})
        if self.settings["select"] == "best" and better:
            with torch.inference_mode(False):
                state = self.network.state_dict()
                self.best = {name: value.detach().clone() for name, value in state.items()}
        return {f"validation_{name}": value for name, value in scores.items()}

    def _scores(self, device: torch.device) -> dict[str, float]:
        """Accuracy and loss of the mean over `mc_samples` samples."""
        found = []
        for positions in torch.arange(len(self.clips)).split(_CLIPS_AT_ONCE):
            x, labels = self.clips[positions.numpy()]
            found.append((labels.numpy(), self._probabilities(x.to(device)).cpu().numpy()))
        targets, p = map(np.concatenate, zip(*found, strict=True))
        loss = negative_log_likelihood(targets, p, "multiclass").mean()
        return {"accuracy": accuracy(targets.argmax(1), p.argmax(1)), "loss": float(loss)}

    def _probabilities(self, x: Tensor) -> Tensor:
        """Class probabilities (B, C). Samples of cached embeddings are their views in turn."""
        cached = isinstance(self.clips, EmbeddingDataset)
        inputs = [x[:, [view]] for view in range(x.shape[1])] if cached else [x]
        passes = self.settings["mc_samples"] if is_random_at_inference(self.network) else 1
        passes = max(passes, len(inputs))
        each = [self.network(inputs[i % len(inputs)]).float().softmax(1) for i in range(passes)]
        return torch.stack(each).mean(0)

    def restore(self) -> None:
        """Bring back the best epoch's weights, where the best are asked for."""
        if self.best:
            self.network.load_state_dict(self.best, strict=True)

    def facts(self) -> dict[str, Any]:
        """What the sidecar says: the curve, and the epoch that the weights are of."""
        best = self.settings["select"] == "best"
        chosen = max(self.curve, key=_rank) if best else self.curve[-1]
        return {**self.settings, "clips": len(self.clips), "chosen": chosen, "curve": self.curve}

    def state_dict(self) -> dict[str, Any]:
        return {"curve": self.curve, "best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.curve, self.best = list(state["curve"]), dict(state["best"])


def _rank(scores: Mapping[str, float]) -> tuple[float, float]:
    return scores["accuracy"], -scores["loss"]


class UpstreamScores(Check):
    """mAP, AUC and d-prime (macro, section 3.3) on `clips`, every `runtime.validate_every` steps.

    One Monte Carlo sample of each clip where the network is random. Processes share the clips.
    """

    def __init__(
        self, network: Network, clips: LogmelDataset, batch_size: int, runtime: Runtime
    ) -> None:
        self.network, self.runtime = network, runtime
        self.labels = clips.store.labels[clips.rows]
        share = LogmelDataset(clips.store, clips.rows[runtime.rank :: runtime.processes])
        self.loader = scoring_loader(share, batch_size, runtime.loader_workers)

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool:
        every = self.runtime.validate_every
        return every > 0 and (done % every == 0 or done == steps)

    def scores(self, fabric: Fabric, done: int) -> dict[str, float]:
        with fabric.autocast():
            parts = [self.network(x.to(fabric.device)).float().cpu() for x, _ in self.loader]
        shares = gathered(torch.cat(parts).sigmoid().numpy(), self.runtime.processes)
        if not self.runtime.is_first:
            return {}
        probability = np.empty(self.labels.shape, dtype=np.float32)
        for rank, share in enumerate(shares):
            probability[rank :: self.runtime.processes] = share
        return multilabel_scores(self.labels, probability)

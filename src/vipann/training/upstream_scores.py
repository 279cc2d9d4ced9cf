"""The upstream networks' scores on the evaluation split while they are trained: a look, no more.

Nothing is chosen by them: pretraining ends after its steps. Table 3 comes from the predictions.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.models.network import Network
from vipann.training.fabric import Fabric
from vipann.training.launch import Running

_AUC_MARGIN = 1e-6


class UpstreamScores:
    """mAP, AUC and d-prime (macro, section 3.3) on `clips`, every `running.validate_every` steps.

    One Monte Carlo sample of each clip where the network is random. Processes share the clips.
    """

    def __init__(
        self, network: Network, clips: LogmelDataset, batch_size: int, running: Running
    ) -> None:
        self.network, self.running = network, running
        self.labels = torch.from_numpy(clips.store.labels[clips.rows]).long()
        rows = clips.rows[running.rank :: running.processes]
        share = LogmelDataset(clips.store, rows)
        self.loader = scoring_loader(share, batch_size, running.loader_workers)

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool:
        every = self.running.validate_every
        return every > 0 and (done % every == 0 or done == steps)

    def look(self, fabric: Fabric, done: int) -> dict[str, float]:
        with fabric.autocast():
            parts = [self.network(x.to(fabric.device)).float().cpu() for x, _ in self.loader]
        shares = [torch.cat(parts).sigmoid()]
        if self.running.processes > 1:
            shares = [torch.empty(0)] * self.running.processes
            torch.distributed.all_gather_object(shares, torch.cat(parts).sigmoid())
        if not self.running.first:
            return {}
        probability = torch.empty(self.labels.shape)
        for rank, share in enumerate(shares):
            probability[rank :: self.running.processes] = share
        return multilabel_scores(probability, self.labels)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


def multilabel_scores(probability: Tensor, labels: Tensor) -> dict[str, float]:
    """mAP, AUC and d-prime of probabilities (N, C) against multi-hot labels (N, C), macro.

    A class without a positive clip has no part in them, nor in the AUC one without a negative.
    The formulas are those of `vipann.evaluation.metrics`, which training must not import: a change
    there would make every network's training out of date.
    """
    # Beside the training of a small network, importing torchmetrics takes long.
    from torchmetrics.functional.classification import binary_auroc, binary_average_precision

    positive = labels.sum(dim=0)
    present = positive > 0
    mixed = present & (positive < len(labels))
    precision = _mean_over(binary_average_precision, probability, labels, present)
    auc = _mean_over(binary_auroc, probability, labels, mixed)
    clipped = torch.tensor(auc, dtype=torch.float64).clamp(_AUC_MARGIN, 1 - _AUC_MARGIN)
    d_prime = math.sqrt(2) * torch.special.ndtri(clipped).item()
    return {"mAP": precision, "AUC": auc, "d_prime": d_prime}


def _mean_over(metric: Any, probability: Tensor, labels: Tensor, kept: Tensor) -> float:
    if not kept.any():
        return math.nan
    scores = [
        metric(probability[:, name], labels[:, name]) for name in kept.nonzero().flatten().tolist()
    ]
    return torch.stack(scores).mean().item()

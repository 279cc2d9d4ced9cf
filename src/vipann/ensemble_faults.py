"""What contradicts itself in what a config says of deep ensembles, before any job.

Standard library only, as `vipann.config`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.parts import Fault


def ensemble_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    if config["transfer"]["ensemble_members"] and not config["transfer_datasets"]:
        text = "needs `transfer_datasets`, on whose folds its networks are trained; of the upstream"
        yield "transfer.ensemble_members", f"{text} set there is pretrain.ensemble_members"
    if not config["pretrain"]["ensemble_members"]:
        return
    key = "pretrain.ensemble_members"
    if config["upstream"] is None:
        yield key, "needs `upstream`, on which its networks are trained; set it to 0"
    elif config["pretrain"]["source"] != "train":
        text = "needs pretrain.source: train, as weights that are imported have no other seeds;"
        yield key, f"{text} set it to 0"

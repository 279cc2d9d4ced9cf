"""Ensembles from one training: Det goes on after fine-tuning with each epoch kept; the settings of
that training and of what is made of its epochs."""

from collections.abc import Iterator
from typing import Any

from vipann.parts import chosen_parts
from vipann.plan.networks import TRANSFER_PHASES, Network, form_of
from vipann.plan.run import Run
from vipann.plan.variants import epoch_file
from vipann.strategies import FROM_ONE_TRAINING
from vipann.training.recipe import Continued

PHASE = TRANSFER_PHASES[-1]


def datasets(run: Run) -> list[str]:
    return run.transfer_datasets if run.config["uncertainty"]["swag"] else []


def faults(run: Run) -> Iterator[tuple[str, str]]:
    block = run.config["uncertainty"]["swag"]
    if not block:
        return
    if not run.transfer_datasets:
        yield "uncertainty.swag", "needs `transfer_datasets`, on whose folds Det is fine-tuned"
    if block["rank"] > block["epochs"]:
        text = f"{block['rank']} is more than uncertainty.swag.epochs ({block['epochs']})"
        yield "uncertainty.swag.rank", text


def continued(run: Run, dataset: str, fold: int | str) -> Network:
    """Det trained on; a network for its paths."""
    return Network(run, "swag", dataset, fold, PHASE)


def epochs_folder(network: Network) -> str:
    return network.checkpoint.removesuffix(".safetensors") + ".epochs"


def methods_of(
    run: Run, dataset: str, methods: tuple[str, ...] = FROM_ONE_TRAINING
) -> list[Network]:
    """What is made of the epochs, on each fold; networks for their paths."""
    return [
        Network(run, method, dataset, fold, PHASE)
        for method in methods
        for fold in run.folds(dataset)
    ]


def training_settings(run: Run, dataset: str, fold: int | str) -> dict[str, Any]:
    block, split = run.config["uncertainty"]["swag"], run.config["validation"]
    own = {"epochs": block["epochs"], "keep_epochs": block["epochs"]}
    own |= {"learning_rate": block["learning_rate"], "learning_rate_schedule": "constant"}
    validation = dict(split) if split["split"] != "none" else {"split": "none"}
    blocks = run.config["training"], run.config["transfer"], {"validation": validation}, own
    return run.settings(
        "go_on.py",
        *("swag", dataset, int(fold)),
        training=Continued.settings(*blocks),
        **form_of(run, "det"),
    )


def prediction_settings(run: Run, method: str, dataset: str, fold: int | str) -> dict[str, Any]:
    block = run.config["uncertainty"]["swag"]
    return run.settings(
        "one_training.py",
        *("one training", method, dataset, int(fold)),
        chosen=chosen_parts(run.config),
        method=method,
        epochs=[epoch_file(number) for number in range(1, block["epochs"] + 1)],
        samples=block["samples"],
        rank=block["rank"],
        split=run.config["validation"]["split"],
        dataset=dataset,
        scored_dataset=run.ood,
        precision=run.config["evaluation"]["precision"],
    )


def metric_files(run: Run, dataset: str) -> dict[str, str]:
    stem = f"{run.results}/metrics/{dataset}.one_training"
    return {kind: f"{stem}.{kind}.parquet" for kind in ("metrics", "intervals")}

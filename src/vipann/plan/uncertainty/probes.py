"""Whether the split of uncertainty means anything: networks that learn from fewer recordings, and
networks that are never shown some classes; who they are, and the settings of what scores them.

They are variants of transfer, or the run itself, with `transfer.train_fraction` or
`transfer.held_out_classes`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.plan.fold_variants import FoldNetwork, fold_networks
from vipann.plan.networks import AUTO, TRANSFER_PHASES, Network, networks_of, scoring_settings
from vipann.plan.run import Run

FRACTION, UNKNOWN = "train_fraction", "held_out_classes"


def learning_curve(run: Run, dataset: str) -> list[Network]:
    """The variants' networks of each `train_fraction`, and the run's own of the same strategies and
    phases; none without such variants."""
    variants = [
        one
        for one in fold_networks(run, dataset)
        if FRACTION in _departure(one) and not _held_out(one)
    ]
    kinds = {(one.strategy, one.phase) for one in variants}
    own = [one for one in networks_of(run, dataset) if (one.strategy, one.phase) in kinds]
    return [*variants, *(one for one in own if variants and not _held_out(one))]


def hears_unknown(run: Run, dataset: str | None = None) -> list[Network]:
    """The networks, of one dataset or all, to which classes are unknown."""
    names = run.transfer_datasets if dataset is None else [dataset]
    every = [one for name in names for one in (*networks_of(run, name), *fold_networks(run, name))]
    return [one for one in every if _held_out(one)]


def datasets(run: Run) -> list[str]:
    probed = (learning_curve, hears_unknown)
    return [name for name in run.transfer_datasets if any(find(run, name) for find in probed)]


def metrics_of(run: Run, dataset: str) -> str:
    return f"{run.results}/metrics/{dataset}.probes.parquet"


def metrics_inputs(run: Run, dataset: str) -> dict[str, list[str]]:
    shown, unknown = learning_curve(run, dataset), hears_unknown(run, dataset)
    return {
        "learning": [one.predictions for one in shown],
        "known": [one.predictions for one in unknown],
        "unknown": [one.unknown_predictions for one in unknown],
    }


def metrics_settings(run: Run, dataset: str) -> dict[str, Any]:
    """learning, unknown: for each file of these, whose it is and what it has learnt from."""
    return run.settings(
        "probes.py",
        "probes",
        learning=[_facts(one) for one in learning_curve(run, dataset)],
        unknown=[_facts(one) for one in hears_unknown(run, dataset)],
        **scoring_settings(run),
    )


def faults(run: Run) -> Iterator[tuple[str, str]]:
    """Classes that are held out of what is no transfer dataset, and shares of the recordings where
    networks are not sampled equally often: of M samples the epistemic uncertainty lacks 1 / M."""
    is_auto = run.config["evaluation"]["mc_samples"] == AUTO
    curves = [one for name in run.transfer_datasets for one in learning_curve(run, name)]
    if is_auto and any(one.strategy != "det" for one in curves):
        names = {one.variant for one in curves if isinstance(one, FoldNetwork)}
        text = (
            f"{AUTO!r} is of the run's own networks, with which those of "
            f"{', '.join(sorted(names))} ({FRACTION}) are compared, and these are sampled as in "
            "the paper: set a number"
        )
        yield "evaluation.mc_samples", text
    blocks = {"transfer": run.config["transfer"]}
    for name, departure in run.config["variants"].items():
        blocks[f"variants.{name}.transfer"] = departure.get("transfer", {})
        if "phases" in departure and departure.get("stage") != "transfer":
            yield f"variants.{name}.phases", "is for `stage: transfer` only; remove it"
    for place, block in blocks.items():
        for dataset in block.get(UNKNOWN) or {}:
            if dataset not in run.transfer_datasets:
                known = ", ".join(run.transfer_datasets) or "none"
                text = f"{dataset!r} is not one of transfer_datasets: {known}"
                yield f"{place}.{UNKNOWN}", text


def _facts(one: Network) -> dict[str, Any]:
    name = f"{one.variant}/{one.seed}" if isinstance(one, FoldNetwork) else ""
    fraction = one.selection.fraction if one.selection else 1.0
    return {"network": name, "fraction": fraction}


def _departure(one: FoldNetwork) -> Mapping[str, Any]:
    return one.run.config["variants"][one.variant].get("transfer", {})


def _held_out(one: Network) -> bool:
    return bool(one.phase in TRANSFER_PHASES and one.selection and one.selection.held_out)

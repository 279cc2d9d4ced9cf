"""How many Monte Carlo samples are enough: whose samples are kept one by one, and the settings of
those jobs; and how often a network is sampled where `evaluation.mc_samples` is auto."""

from collections.abc import Iterator
from typing import Any

from vipann.parts import chosen_parts
from vipann.plan.networks import AUTO, TRANSFER_PHASES, Network, networks_of
from vipann.plan.run import Run
from vipann.seeds import derive_seed


def datasets(run: Run) -> list[str]:
    return [name for name in run.tested if sampled(run, name)]


def faults(run: Run) -> Iterator[tuple[str, str]]:
    if run.config["evaluation"]["mc_samples"] != AUTO:
        return
    missing = []
    if run.config["validation"]["split"] == "none":
        missing.append("validation.split: next_fold")
    if not run.config["uncertainty"]["samples"]:
        missing.append("uncertainty.samples: {clips: 200, most: 200}")
    if missing:
        text = f"{AUTO!r} is decided on a validation fold: set {' and '.join(missing)}"
        yield "evaluation.mc_samples", text


def sampled(run: Run, dataset: str) -> list[Network]:
    """Those whose samples are kept: the upstream ones, or after their last phase of transfer those
    that are tested on the first of the folds; Det has no samples."""
    if not run.config["uncertainty"]["samples"]:
        return []
    found = [one for one in networks_of(run, dataset) if one.strategy != "det"]
    if dataset == run.upstream:
        return found
    first = run.folds(dataset)[:1]
    return [one for one in found if one.phase == TRANSFER_PHASES[-1] and one.fold in first]


def samples_of(network: Network) -> str:
    """Of test clips, (M, n, C)."""
    return f"{network.run.results}/samples/{network.path}.h5"


def validation_samples_of(network: Network) -> str:
    """Of clips of the validation fold, from which it is chosen how often it is sampled."""
    return f"{network.run.results}/samples/{network.path}.validation.h5"


def curves_file(run: Run, dataset: str) -> str:
    return f"{run.results}/metrics/{dataset}.samples.parquet"


def sampling_settings(network: Network, on_validation: bool = False) -> dict[str, Any]:
    """Of the job that keeps samples one by one: with the seed of its predictions, whose first
    samples they are; the same clips for all networks of a fold."""
    run, dataset = network.run, network.trained_for
    rows: dict[str, Any] = {"split": "eval"}
    if network.fold is not None:
        rows = {"folds": [network.validation_fold if on_validation else int(network.fold)]}
    clips_seed = derive_seed(run.config["seed"], "sampled clips", dataset, str(rows))
    return run.settings(
        "samples.py",
        *network.seed_names("validation samples" if on_validation else "predict"),
        chosen=chosen_parts(run.config),
        dataset=dataset,
        rows=rows,
        clips_seed=clips_seed,
        precision=run.config["evaluation"]["precision"],
        **run.config["uncertainty"]["samples"],
    )

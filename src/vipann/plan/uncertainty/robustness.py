"""Test clips under noise and other conditions: what is degraded, who is asked, and the settings of
those jobs (`uncertainty.robustness`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.conditions import Condition
from vipann.config import in_order
from vipann.parts import chosen_front_end, feature_settings
from vipann.plan import datasets as planned
from vipann.plan.networks import TRANSFER_PHASES, Network, networks_of, scoring_settings
from vipann.plan.run import Run
from vipann.plan.selections import Selection

PLACE = "uncertainty.robustness"


def block_of(run: Run) -> Mapping[str, Any]:
    """Empty where the part is off."""
    return run.config["uncertainty"]["robustness"] or {}


def datasets(run: Run) -> list[str]:
    return run.transfer_datasets if block_of(run) else []


def conditions(run: Run) -> dict[str, Condition]:
    """By name, in the order of the config."""
    chosen = block_of(run).get("conditions", {})
    every = [Condition(kind, amount) for kind, several in chosen.items() for amount in several]
    return {one.name: one for one in every}


def tested(run: Run, dataset: str) -> list[Network]:
    """The networks that hear the degraded clips."""
    block = block_of(run)
    strategies = block.get("strategies") or run.config["transfer"]["strategies"]
    phases = block.get("phases") or TRANSFER_PHASES
    chosen = [one for one in networks_of(run, dataset) if one.phase in phases]
    return [one for one in chosen if one.strategy in strategies]


def degraded_features(run: Run, dataset: str, condition: str) -> str:
    return f"{run.results}/features/degraded/{dataset}__{condition}.h5"


def degraded_predictions(network: Network, condition: str) -> str:
    return f"{network.run.results}/degraded/{network.path}__{condition}.h5"


def noise_set(run: Run, dataset: str) -> str:
    """What recorded noise for the clips of `dataset` is taken from: a dataset that the config
    names, or the out-of-distribution set in windows of their length."""
    return block_of(run).get("noise") or run.ood_windows[dataset]


def noise_inputs(run: Run, dataset: str, condition: str) -> dict[str, Any]:
    """noise_manifest, noise_audio and the list of its clips to leave out; {} without such noise."""
    if conditions(run)[condition].kind != "recorded":
        return {}
    name = noise_set(run, dataset)
    return {
        "noise_manifest": planned.manifest_of(run, name),
        "noise_audio": planned.audio_of(run, name),
        "noise_left_out": planned.left_out_of(run, name),
    }


def degrading_settings(run: Run, dataset: str, condition: str) -> dict[str, Any]:
    block, chosen = run.blocks[dataset], conditions(run)[condition]
    noise = {}
    if chosen.kind == "recorded":
        own = run.blocks[noise_set(run, dataset)]
        noise = {"noise_seconds": own.get("clip_seconds", block["clip_seconds"])}
    return run.settings(
        "degrade.py",
        "degrade",
        dataset,
        chosen=chosen_front_end(run.config),
        clip_seconds=block["clip_seconds"],
        padding=block["padding"],
        condition=list(chosen),
        folds=run.folds(dataset),
        validation=run.config["validation"]["split"],
        **noise,
    )


def predicting_settings(network: Network) -> dict[str, Any]:
    """Of the job that scores the degraded clips of all conditions with one network: as of its own
    clips, in `replications` replications (1)."""
    run = network.run
    own = {"replications": block_of(run).get("replications", 1)}
    return in_order(network.prediction_settings | own)


def metrics_of(run: Run, dataset: str) -> str:
    return f"{run.results}/metrics/{dataset}.robustness.parquet"


def metrics_inputs(run: Run, dataset: str) -> dict[str, list[str]]:
    """clean, and degraded: of each condition those of all networks, in one order."""
    networks = tested(run, dataset)
    names = conditions(run)
    return {
        "clean": [one.predictions for one in networks],
        "degraded": [degraded_predictions(one, name) for name in names for one in networks],
    }


def metrics_settings(run: Run) -> dict[str, Any]:
    return run.settings(
        "robustness.py",
        "robustness",
        conditions=[list(one) for one in conditions(run).values()],
        **scoring_settings(run),
    )


def faults(run: Run) -> Iterator[tuple[str, str]]:
    """What contradicts itself in `uncertainty.robustness`."""
    block, config = block_of(run), run.config
    if not block:
        return
    rate = feature_settings(config["features"]).get("sample_rate")
    if rate is None:
        name = config["features"]["front_end"]
        yield PLACE, f"is not allowed with features.front_end {name!r}, which hears no audio"
        return
    strategies = config["transfer"]["strategies"]
    if not run.transfer_datasets or not strategies:
        yield PLACE, "needs networks that are transferred: transfer_datasets, transfer.strategies"
    if unknown := [name for name in run.transfer_datasets if Selection(run, name).held_out]:
        text = (
            f"degrades clips of all classes, and the run's own networks of {', '.join(unknown)} do "
            "not know all: give transfer.held_out_classes to variants, or set null"
        )
        yield PLACE, text
    for name in block.get("strategies") or []:
        if name not in strategies:
            text = f"{name!r} is not one of transfer.strategies ({', '.join(strategies)})"
            yield f"{PLACE}.strategies", text
    for hertz in block["conditions"].get("low_pass", []):
        if hertz >= rate / 2:
            text = f"{hertz:g} Hz is not below half the features' sample rate ({rate / 2:g} Hz)"
            yield f"{PLACE}.conditions.low_pass", text
    yield from _noise_faults(run)


def _noise_faults(run: Run) -> Iterator[tuple[str, str]]:
    block, known = block_of(run), run.config["datasets"]
    given = block.get("noise")
    if "recorded" not in block["conditions"]:
        if given:
            yield f"{PLACE}.noise", "means nothing without `recorded` among `conditions`"
        return
    key = f"{PLACE}.noise" if given else f"{PLACE}.conditions.recorded"
    name = given or run.ood
    if name is None:
        yield key, "needs `noise` beside `conditions`, the dataset it is taken from: `ood` is null"
    elif name not in known:
        yield key, f"{name!r} is not a key of `datasets`; known: {', '.join(sorted(known))}"
    else:
        for other in run.transfer_datasets:
            if _same_audio(run, name, other):
                text = f"{name!r} holds the clips of {other!r}, on which networks are tested: "
                yield key, text + "noise has to come from elsewhere; name another dataset"


def _same_audio(run: Run, one: str, other: str) -> bool:
    """Whether two datasets are the same, or are made of the same folder or archives."""
    places = []
    for name in (one, other):
        block = run.config["datasets"][name]
        files = sorted(entry["file"] for entry in block.get("archives") or [])
        places.append(block["options"].get("path") or files)
    return one == other or bool(places[0] and places[0] == places[1])

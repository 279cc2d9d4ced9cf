"""Variants of a run, which are named departures from its own blocks, each trained with several
seeds; ensembles and averages of them. What their names stand for, and what contradicts.

A network of a variant is called by both: "mixup/1". Standard library only, as `vipann.config`.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from vipann.parts import Fault

Config = Mapping[str, Any]

# What a variant may depart from.
BLOCKS = ("pretrain", "model", "training", "bayesian", "moped", "kl")
# Keys of these blocks that are the run's: how jobs run, and what variants never do.
_OF_THE_RUN = {
    "pretrain": ("source", "checkpoints", "gpus", "validate_every"),
    "training": ("checkpoint_every", "tensorboard"),
}


def strategy_of(departure: Config) -> str:
    return departure.get("strategy", "det")


def members_of(config: Config, patterns: Sequence[str] | str) -> list[tuple[str, int]]:
    """(variant, seed) of the networks that match "mixup/1", "mixup/*", "*/1", ..., each once."""
    patterns = [patterns] if isinstance(patterns, str) else patterns
    every = [(variant, seed) for variant in config["variants"] for seed in config["seeds"]]
    found = [
        (variant, seed)
        for pattern in patterns
        for variant, seed in every
        if fnmatchcase(f"{variant}/{seed}", pattern)
    ]
    return list(dict.fromkeys(found))


def start_of(departure: Config, seed: int | str) -> tuple[str, int]:
    """(variant, seed) that a Flipout variant starts from: `plain` is that of its own seed."""
    variant, _, number = departure["start"].partition("/")
    return variant, int(number or seed)


def kept_epochs(pretrain: Config) -> list[int]:
    """The epochs, counted from 1, after which a checkpoint is kept: the last `keep_epochs`."""
    epochs, kept = (pretrain.get(key) or 0 for key in ("epochs", "keep_epochs"))
    return list(range(max(1, epochs - kept + 1), epochs + 1))


def chosen_epochs(pretrain: Config, chosen: str | Config) -> list[int]:
    """The epochs that `all`, `{last: 5}` or `{first: 16, last: 20}` choose, kept or not.

    `all` are all kept ones; `last` alone counts epochs from the end, beside `first` it is one.
    """
    if chosen == "all":
        return kept_epochs(pretrain)
    assert not isinstance(chosen, str)
    end = pretrain.get("epochs") or 0
    if "first" in chosen:
        return list(range(chosen["first"], chosen.get("last", end) + 1))
    return list(range(end - chosen["last"] + 1, end + 1))


def variant_faults(config: Config, derived: Mapping[str, Config]) -> Iterator[Fault]:
    """What contradicts; derived: the run's config with a variant's departure, of each variant."""
    if config["variants"] and config["upstream"] is None:
        yield "upstream", "null is not allowed with `variants`, which are trained on it"
    if config["variants"] and not config["seeds"]:
        yield "seeds", "[] is not allowed with `variants`: each is trained once for each seed"
    if "ensembles" in config["variants"]:
        yield "variants.ensembles", "is what ensembles are called in paths: rename it"
    for name, departure in config["variants"].items():
        for key, text in _departure_faults(config, derived, name, departure):
            yield f"variants.{name}.{key}", text
    for name, block in config["ensembles"].items():
        yield from _ensemble_faults(config, derived, f"ensembles.{name}", block)
    for name, block in config["averages"].items():
        key = f"averages.{name}"
        yield from _member_faults(config, f"{key}.of", [block["of"]])
        yield from _epoch_faults(config, derived, key, [block["of"]], block["epochs"])


def _departure_faults(
    config: Config, derived: Mapping[str, Config], name: str, departure: Config
) -> Iterator[Fault]:
    for block, keys in _OF_THE_RUN.items():
        for key in keys:
            if key in departure.get(block, {}):
                yield f"{block}.{key}", "is the run's, and the same for all variants: remove it"
    start = departure.get("start")
    if strategy_of(departure) != "flip":
        if start is not None:
            yield "start", "is for `strategy: flip` only, which starts from MOPED of it"
    elif start is None:
        yield "strategy", "'flip' needs `start`: the det variant from which MOPED starts it"
    else:
        yield from _start_faults(config, derived, name, departure)


def _start_faults(
    config: Config, derived: Mapping[str, Config], name: str, departure: Config
) -> Iterator[Fault]:
    variant, _, number = departure["start"].partition("/")
    if variant not in config["variants"] or (number and int(number) not in config["seeds"]):
        yield "start", f"{departure['start']!r} is no network; known: {_known(config)}"
    elif (strategy := strategy_of(config["variants"][variant])) != "det":
        yield "start", f"{departure['start']!r} is a {strategy} network; MOPED starts from det"
    elif derived[variant]["model"] != derived[name]["model"]:
        yield "start", f"{departure['start']!r} has another `model`; MOPED keeps all its weights"


def _ensemble_faults(
    config: Config, derived: Mapping[str, Config], key: str, block: Config
) -> Iterator[Fault]:
    faults = [*_member_faults(config, f"{key}.members", block["members"])]
    chosen = block.get("epochs")
    if chosen is not None:
        faults += _epoch_faults(config, derived, key, block["members"], chosen)
    yield from faults
    members = members_of(config, block["members"])
    epochs = [[0] if chosen is None else _epochs(derived, name, chosen) for name, _ in members]
    if not faults and sum(map(len, epochs)) < 2:
        yield f"{key}.members", "is an ensemble of one; it needs at least two members"


def _member_faults(config: Config, key: str, patterns: Sequence[str]) -> Iterator[Fault]:
    for pattern in patterns:
        if not members_of(config, pattern):
            yield key, f"{pattern!r} is no network of a variant; known: {_known(config)}"


def _epoch_faults(
    config: Config,
    derived: Mapping[str, Config],
    key: str,
    patterns: Sequence[str],
    chosen: str | Config,
) -> Iterator[Fault]:
    for variant in dict.fromkeys(variant for variant, _ in members_of(config, patterns)):
        kept, wanted = kept_epochs(derived[variant]["pretrain"]), _epochs(derived, variant, chosen)
        if not wanted or not set(wanted) <= set(kept):
            keeps = f"epochs {kept[0]} to {kept[-1]}" if kept else "none"
            text = f"{chosen!r} of variant {variant!r}, of which pretrain.keep_epochs keeps {keeps}"
            yield f"{key}.epochs", text


def _epochs(derived: Mapping[str, Config], variant: str, chosen: str | Config) -> list[int]:
    return chosen_epochs(derived[variant]["pretrain"], chosen)


def _known(config: Config) -> str:
    names = [f"{v}/{s}" for v in config["variants"] for s in config["seeds"]]
    return ", ".join(names) or "none, as `variants` or `seeds` is empty"

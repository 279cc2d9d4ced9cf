"""Variants of a run, which are named departures from its own blocks, each trained with several
seeds, upstream or on the folds of the transfer datasets; ensembles and averages of them. What their
names stand for.

A network of a variant is called by both: "mixup/1". Standard library only, as `vipann.config`.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Config = Mapping[str, Any]

UPSTREAM_STAGE = "pretrain"
# Those that are trained on folds; each is also the block of its recipe.
FOLD_STAGES = ("transfer", "scratch")
STAGES = (UPSTREAM_STAGE, *FOLD_STAGES)
# What a variant may depart from; of the stages, its own.
BLOCKS = (*STAGES, "features", "model", "training", "bayesian", "moped", "kl")
# Keys of these blocks that are the run's: how jobs run, and what variants never do.
OF_THE_RUN = {
    "pretrain": ("source", "checkpoints", "gpus", "validate_every", "ensemble_members"),
    "transfer": ("strategies", "folds", "gpus", "ensemble_members"),
    "scratch": ("strategies", "gpus"),
    "training": ("checkpoint_every", "tensorboard"),
}


def strategy_of(departure: Config) -> str:
    return departure.get("strategy", "det")


def stage_of(departure: Config) -> str:
    """By what it is trained: pretrain (on the upstream set), transfer or scratch (on folds)."""
    return departure.get("stage", UPSTREAM_STAGE)


def is_on_folds(departure: Config) -> bool:
    return stage_of(departure) in FOLD_STAGES


def names_of(config: Config, *stages: str) -> list[str]:
    """The variants of these stages."""
    return [name for name, one in config["variants"].items() if stage_of(one) in stages]


def needs_upstream_networks(config: Config) -> bool:
    """Whether networks of the run start from its own upstream ones."""
    started = [config["variants"][name] for name in names_of(config, "transfer")]
    return bool(config["transfer"]["strategies"]) or any("start" not in one for one in started)


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


def is_ensemble_on_folds(config: Config, name: str) -> bool:
    """Whether the members of an ensemble are trained on folds: all are, or none."""
    members = members_of(config, config["ensembles"][name]["members"])
    return any(is_on_folds(config["variants"][variant]) for variant, _ in members)


def start_of(departure: Config, seed: int | str) -> tuple[str, int]:
    """(variant, seed) that MOPED or transfer starts from: `plain` is that of its own seed."""
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

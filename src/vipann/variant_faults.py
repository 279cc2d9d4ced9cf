"""What contradicts itself in variants, ensembles and averages of a config, before any job.

Standard library only, as `vipann.config`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vipann.parts import Fault
from vipann.strategies import BY_NAME
from vipann.variants import (
    FOLD_STAGES,
    OF_THE_RUN,
    STAGES,
    UPSTREAM_STAGE,
    Config,
    chosen_epochs,
    is_on_folds,
    kept_epochs,
    members_of,
    names_of,
    stage_of,
    strategy_of,
)


def variant_faults(config: Config, derived: Mapping[str, Config]) -> Iterator[Fault]:
    """What contradicts; derived: the run's config with a variant's departure, of each variant."""
    upstream, on_folds = names_of(config, UPSTREAM_STAGE), names_of(config, *FOLD_STAGES)
    if upstream and config["upstream"] is None:
        yield "upstream", f"null is not allowed with variants that are trained on it: {upstream[0]}"
    if on_folds and not config["transfer_datasets"]:
        text = f"[] is not allowed with variants that are trained on their folds: {on_folds[0]}"
        yield "transfer_datasets", text
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
    for block, keys in OF_THE_RUN.items():
        for key in keys:
            if key in departure.get(block, {}):
                yield f"{block}.{key}", "is the run's, and the same for all variants: remove it"
    stage, strategy = stage_of(departure), strategy_of(departure)
    for other in STAGES:
        if other in departure and other != stage:
            yield other, f"means nothing with `stage: {stage}`; remove it"
    is_flip = strategy == "flip"
    if stage == UPSTREAM_STAGE and strategy == "det_flip":
        text = "'det_flip' is not trained upstream, where it is det: set `stage` to one of folds"
        yield "strategy", text
    elif stage == "scratch" or (stage == UPSTREAM_STAGE and not is_flip):
        if "start" in departure:
            yield "start", "is for transfer, and for `strategy: flip` only, which MOPED starts"
    elif "start" in departure:
        yield from _start_faults(config, derived, name, departure)
    elif stage == UPSTREAM_STAGE:
        yield "strategy", "'flip' needs `start`: the det variant from which MOPED starts it"
    elif other := _other_form(derived[name], config, is_flip):
        text = (
            f"'transfer' needs `start`, an upstream variant with its `{other}`: that of the run's "
        )
        yield "stage", text + "own upstream networks is another"


def _start_faults(
    config: Config, derived: Mapping[str, Config], name: str, departure: Config
) -> Iterator[Fault]:
    start, strategy = departure["start"], strategy_of(departure)
    variant, _, number = start.partition("/")
    if variant not in config["variants"] or (number and int(number) not in config["seeds"]):
        yield "start", f"{start!r} is no network; known: {_known(config, upstream_only=True)}"
        return
    by_moped = stage_of(departure) == UPSTREAM_STAGE
    needed = "det" if by_moped else BY_NAME[strategy].backbone
    who = "MOPED" if by_moped else f"transfer of {strategy}"
    found = config["variants"][variant]
    if is_on_folds(found):
        yield "start", f"{start!r} is trained on folds; {who} starts from an upstream network"
    elif (theirs := strategy_of(found)) != needed:
        yield "start", f"{start!r} is a {theirs} network; {who} starts from {needed}"
    elif other := _other_form(derived[variant], derived[name], needed == "flip"):
        yield "start", f"{start!r} has another `{other}`; {who} keeps its weights"


def _other_form(one: Config, other: Config, has_priors: bool) -> str:
    """What differs so much that weights of one don't fit the other; "" where nothing does."""
    keys = [key for key in ("model", "features") if one[key] != other[key]]
    if has_priors and one["moped"]["prior"] != other["moped"]["prior"]:
        keys.append("moped.prior")
    return keys[0] if keys else ""


def _ensemble_faults(
    config: Config, derived: Mapping[str, Config], key: str, block: Config
) -> Iterator[Fault]:
    faults = [*_member_faults(config, f"{key}.members", block["members"])]
    chosen = block.get("epochs")
    if chosen is not None:
        faults += _epoch_faults(config, derived, key, block["members"], chosen)
    members = members_of(config, block["members"])
    apart = {is_on_folds(config["variants"][variant]): variant for variant, _ in members}
    if len(apart) > 1:
        text = f"{apart[False]!r} is tested on the upstream set and {apart[True]!r} on folds: "
        faults.append((f"{key}.members", text + "members must say something of the same clips"))
    yield from faults
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
        if is_on_folds(config["variants"][variant]):
            text = f"{chosen!r} of variant {variant!r}: of trainings on folds no epochs are kept"
            yield f"{key}.epochs", text
            continue
        kept, wanted = kept_epochs(derived[variant]["pretrain"]), _epochs(derived, variant, chosen)
        if not wanted or not set(wanted) <= set(kept):
            keeps = f"epochs {kept[0]} to {kept[-1]}" if kept else "none"
            text = f"{chosen!r} of variant {variant!r}, of which pretrain.keep_epochs keeps {keeps}"
            yield f"{key}.epochs", text


def _epochs(derived: Mapping[str, Config], variant: str, chosen: str | Config) -> list[int]:
    return chosen_epochs(derived[variant]["pretrain"], chosen)


def _known(config: Config, upstream_only: bool = False) -> str:
    variants: Any = names_of(config, UPSTREAM_STAGE) if upstream_only else config["variants"]
    names = [f"{v}/{s}" for v in variants for s in config["seeds"]]
    return ", ".join(names) or "none, as `variants` or `seeds` is empty"

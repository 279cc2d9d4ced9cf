"""The config's keys of what a training is asked to do, as the classes of `vipann.training.recipe`
annotate them; read from their text."""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.parts import Fault
from vipann.registry import Field, class_fields

_HOME = "vipann.training.recipe"
# Which of its classes' fields are keys of a block of the config.
_KEYS = {
    "pretrain": ("Shown", "Descent", "Upstream"),
    "transfer": ("Shown",),
    "transfer.fixed": ("Descent", "NewHead"),
    "transfer.finetuned": ("Descent",),
    "scratch": ("Shown", "Descent"),
}


def annotated_keys() -> Iterator[tuple[str, str, Field]]:
    """Block of the config, key and `Field` of each key that its class annotates."""
    for block, owners in _KEYS.items():
        for owner in owners:
            for name, found in class_fields(_HOME, owner).items():
                if "description" in found.schema:
                    yield block, name, found


def add_to_schema(schema: dict[str, Any]) -> None:
    """Put the annotated keys into the config's JSON schema."""
    for place, name, found in annotated_keys():
        block = schema
        for part in place.split("."):
            block = block["properties"][part]
        block["properties"][name] = found.schema


def recipe_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """What contradicts itself among the keys of a config that the schema has passed."""
    for place in _KEYS:
        block = config
        for part in place.split("."):
            block = block[part]
        is_halved = block.get("learning_rate_schedule") == "halving"
        if is_halved and not block.get("learning_rate_halving"):
            yield (
                f"{place}.learning_rate_schedule",
                "'halving' needs learning_rate_halving beside it",
            )
        if block.get("mixing") == "cutmix" and block.get("mixup_partner") != "uniform":
            yield f"{place}.mixing", "'cutmix' needs mixup_partner: uniform beside it"
    block = config["pretrain"]
    known = sorted(config.get("label_sets") or {})
    chosen, kept, epochs = (block.get(key) for key in ("label_set", "keep_epochs", "epochs"))
    if chosen is not None and chosen not in known:
        text = f"{chosen!r} is not a key of `label_sets`; known: {', '.join(known) or 'none'}"
        yield "pretrain.label_set", text
    if kept and kept > (epochs or 0):
        yield "pretrain.keep_epochs", f"{kept} is more than pretrain.epochs ({epochs})"

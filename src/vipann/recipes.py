"""The config's keys of what a training is asked to do, as the classes of `vipann.training.recipe`
annotate them; read from their text."""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.parts import Fault, bands_of, own_settings
from vipann.registry import Field, class_fields

_HOME = "vipann.training.recipe"
# Which of its classes' fields are keys of a block of the config.
_KEYS = {
    "pretrain": ("Shown", "Descent", "Upstream"),
    "transfer": ("Shown",),
    "transfer.fixed": ("Descent", "NewHead"),
    "transfer.finetuned": ("Descent", "WholeNetwork"),
    "scratch": ("Shown", "Descent"),
}
# Phases of transfer, each of which may have its own of what the block shows of clips.
_PHASES = ("fixed", "finetuned")


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
    transfer = schema["properties"]["transfer"]["properties"]
    for name in class_fields(_HOME, "Shown"):
        for phase in _PHASES:
            transfer[phase]["properties"][name] = transfer[name]


def recipe_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """What contradicts itself among the keys of a config that the schema has passed."""
    for place in _KEYS:
        block = _block(config, place)
        is_halved = block.get("learning_rate_schedule") == "halving"
        if is_halved and not block.get("learning_rate_halving"):
            yield (
                f"{place}.learning_rate_schedule",
                "'halving' needs learning_rate_halving beside it",
            )
        shared = config["transfer"] if place.startswith("transfer.") else {}
        partner = block.get("mixup_partner", shared.get("mixup_partner"))
        if block.get("mixing") == "cutmix" and partner != "uniform":
            yield f"{place}.mixing", "'cutmix' needs mixup_partner: uniform beside it"
        if block.get("waveform_augmentation") is not None:
            faults = _waveform_faults(block["waveform_augmentation"], config["features"])
            yield from ((f"{place}.waveform_augmentation{key}", text) for key, text in faults)
    block = config["pretrain"]
    known = sorted(config.get("label_sets") or {})
    chosen, kept, epochs = (block.get(key) for key in ("label_set", "keep_epochs", "epochs"))
    if chosen is not None and chosen not in known:
        text = f"{chosen!r} is not a key of `label_sets`; known: {', '.join(known) or 'none'}"
        yield "pretrain.label_set", text
    if kept and kept > (epochs or 0):
        yield "pretrain.keep_epochs", f"{kept} is more than pretrain.epochs ({epochs})"


def _block(config: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    for part in place.split("."):
        config = config[part]
    return config


def _waveform_faults(
    augmentation: Mapping[str, float], features: Mapping[str, Any]
) -> Iterator[Fault]:
    """Of front ends whose bands cannot be made of waveforms, or not of the range that is asked."""
    name, settings = features["front_end"], own_settings(features, "front_end")
    if not bands_of(features) or "sample_rate" not in settings:
        yield "", f"is not allowed with features.front_end: {name}, which makes no bands of audio"
        return
    low = settings["fmin"] + augmentation.get("fmin_range_hz", 0)
    reach = augmentation.get("fmax_range_hz", 0) / 2
    if settings["fmax"] + reach > settings["sample_rate"] / 2:
        most = settings["sample_rate"] - 2 * settings["fmax"]
        text = f"is not allowed; must be at most {most:g}, which ends at half the sample rate"
        yield ".fmax_range_hz", f"{2 * reach:g} {text}"
    if low >= settings["fmax"] - reach:
        text = f"raises fmin to {low:g} Hz, and fmax falls to {settings['fmax'] - reach:g} Hz"
        yield ".fmin_range_hz", text


def cache_faults(transfer: Mapping[str, Any]) -> Iterator[Fault]:
    """What does not go with embeddings that are computed once, in the fixed phase."""
    fixed = transfer["fixed"]
    if fixed["cache"] == "none":
        return
    shown, none_held = {**transfer, **fixed}, "the cache holds no inputs"
    anew = shown.get("waveform_augmentation")
    for key, value, needed, why in (
        ("fixed.mixup_alpha", shown["mixup_alpha"], 0, f"mixup mixes inputs, and {none_held}"),
        ("fixed.waveform_augmentation", anew, None, f"it changes inputs, and {none_held}"),
        ("fixed.backbone_mode", fixed["backbone_mode"], "eval", "what runs once cannot drift"),
        ("gpus", transfer["gpus"], 1, "each process would run the backbone, on the same GPU"),
    ):
        if value != needed:
            yield (
                "transfer.fixed.cache",
                f"{fixed['cache']!r} is not allowed with transfer.{key} {value!r}: {why}. "
                f"Set transfer.{key}: {'null' if needed is None else needed}, or set "
                "transfer.fixed.cache: none",
            )

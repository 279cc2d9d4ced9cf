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
_TRAININGS = ("pretrain", *(f"transfer.{phase}" for phase in _PHASES), "scratch")


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


def block_of(config: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What the config says of a training: the block "pretrain" or "scratch", or that of transfer as
    its phase "transfer.fixed" or "transfer.finetuned" has it, whose own keys win."""
    name, _, phase = place.partition(".")
    return {**config[name], **(config[name][phase] if phase else {})}


def recipe_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """What contradicts itself among the keys of a config that the schema has passed."""
    # What both phases of transfer have of its block is said once.
    yield from dict.fromkeys(
        (_full_key(config, place, key), text)
        for place in _TRAININGS
        for key, text in _training_faults(config, place)
    )
    block = config["pretrain"]
    known = sorted(config.get("label_sets") or {})
    chosen, kept, epochs = (block.get(key) for key in ("label_set", "keep_epochs", "epochs"))
    if chosen is not None and chosen not in known:
        text = f"{chosen!r} is not a key of `label_sets`; known: {', '.join(known) or 'none'}"
        yield "pretrain.label_set", text
    if kept and kept > (epochs or 0):
        yield "pretrain.keep_epochs", f"{kept} is more than pretrain.epochs ({epochs})"


def _training_faults(config: Mapping[str, Any], place: str) -> Iterator[Fault]:
    block, features = block_of(config, place), config["features"]
    is_halved = block.get("learning_rate_schedule") == "halving"
    if is_halved and not block.get("learning_rate_halving"):
        yield "learning_rate_schedule", "'halving' needs learning_rate_halving beside it"
    if block.get("mixing") == "cutmix" and block.get("mixup_partner") != "uniform":
        yield "mixing", "'cutmix' needs mixup_partner: uniform beside it"
    if block.get("waveform_augmentation") is not None:
        faults = _waveform_faults(block["waveform_augmentation"], features)
        yield from ((f"waveform_augmentation{key}", text) for key, text in faults)
    if not bands_of(features) and _is_trained(config, place):
        text = f"must be 0, as features.front_end: {features['front_end']} makes no bands"
        if block["spec_augment"]["mel_stripes"]:
            yield "spec_augment.mel_stripes", text
        if (block.get("masking") or {}).get("frequency"):
            yield "masking.frequency", text


def _is_trained(config: Mapping[str, Any], place: str) -> bool:
    """Whether the run, or a variant of it, trains in that stage."""
    stage = place.partition(".")[0]
    if stage in {one.get("stage", "pretrain") for one in config["variants"].values()}:
        return True
    return bool(config["upstream"] if stage == "pretrain" else config[stage]["strategies"])


def _full_key(config: Mapping[str, Any], place: str, key: str) -> str:
    """The key with its block: the phase of transfer that has it of its own, or else transfer."""
    name, _, phase = place.partition(".")
    has_own = phase and key.partition(".")[0] in config[name][phase]
    return f"{place if has_own else name}.{key}"


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


def cache_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """What does not go with embeddings that are computed once, in the fixed phase."""
    fixed, none_held = block_of(config, "transfer.fixed"), "the cache holds no inputs"
    if fixed["cache"] == "none":
        return
    anew = fixed.get("waveform_augmentation")
    for key, value, needed, why in (
        ("fixed.mixup_alpha", fixed["mixup_alpha"], 0, f"mixup mixes inputs, and {none_held}"),
        ("fixed.waveform_augmentation", anew, None, f"it changes inputs, and {none_held}"),
        ("fixed.backbone_mode", fixed["backbone_mode"], "eval", "what runs once cannot drift"),
        ("gpus", fixed["gpus"], 1, "each process would run the backbone, on the same GPU"),
    ):
        if value != needed:
            yield (
                "transfer.fixed.cache",
                f"{fixed['cache']!r} is not allowed with transfer.{key} {value!r}: {why}. "
                f"Set transfer.{key}: {'null' if needed is None else needed}, or set "
                "transfer.fixed.cache: none",
            )

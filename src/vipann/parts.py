"""The parts of a network, from front end to head, that a config chooses by name.

Each has settings of its own: in the config below its name, with the defaults of its file. What is
said here is read from the parts' text (`vipann.registry`): nothing of them is imported.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vipann.registry import (
    choices,
    declared,
    has_function,
    module_of,
    settings_fields,
    standalone,
)

Fault = tuple[str, str]  # of a config: the key, with dots, and what is wrong
Settings = Mapping[str, Any]


class Role(NamedTuple):
    """What a part can be: `block.key` in the config chooses one of `home`."""

    block: str
    key: str
    home: str
    description: str


ROLES = (
    Role(
        "features",
        "front_end",
        "vipann.features.front_ends",
        "What is made of a clip for the encoder.",
    ),
    Role("model", "encoder", "vipann.models.encoders", "What makes frames of the features."),
    Role(
        "model",
        "pooling",
        "vipann.models.pooling",
        "Over time, of frames to one embedding or of scores to those of the clip.",
    ),
    Role("model", "head", "vipann.models.heads", "What makes logits of the embedding."),
)
_POOLED = {
    "description": "What is pooled: the encoder's frames, or the scores that the head gives each.",
    "enum": ["frames", "scores"],
}


def place(block: Settings, key: str) -> str:
    """The module or definition of the part that `key` ("encoder", ...) of its block chose.

    Raises:
        UserError: there is none of that name.
    """
    role = next(role for role in ROLES if role.key == key)
    return module_of(role.home, block[key], f"{role.block}.{key}")


def own_settings(block: Settings, key: str) -> dict[str, Any]:
    """All settings of that part: what the block has below its name, and defaults."""
    return defaults_of(place(block, key)) | dict(block.get(block[key]) or {})


def defaults_of(part: str) -> dict[str, Any]:
    return {name: field.default for name, field in settings_fields(part).items()}


def model_settings(model: Settings) -> dict[str, Any]:
    """The `model` block with what its parts read, and nothing else."""
    keys = [role.key for role in ROLES if role.block == "model"]
    chosen = {key: model[key] for key in keys} | {"pooled": model.get("pooled", "frames")}
    settings = {model[key]: own_settings(model, key) for key in keys}
    return chosen | {name: values for name, values in settings.items() if values}


def feature_settings(features: Settings) -> dict[str, Any]:
    """The name of the front end, as `front_end`, and its settings."""
    chosen = {"front_end": features["front_end"]}
    return chosen | own_settings(features, "front_end")


def bands_of(features: Settings) -> int:
    """Components M of each frame of the features; 0 where they are waveforms."""
    name = declared(place(features, "front_end"), "BANDS", default=None)
    return own_settings(features, "front_end")[name] if name else 0


def time_unit(features: Settings) -> str:
    """What the length of features is counted in."""
    return "frames" if bands_of(features) else "samples"


def chosen_parts(config: Settings) -> tuple[str, ...]:
    """The code of a network's parts but for its front end, for a job's fingerprint."""
    return tuple(place(config["model"], role.key) for role in ROLES if role.block == "model")


def chosen_front_end(config: Settings) -> tuple[str, ...]:
    """The code of the front end."""
    return (place(config["features"], "front_end"),)


def schema_of(block: str) -> dict[str, Any]:
    """JSON schema of the config's block `features` or `model`: its choices, and a block of settings
    for each that there is."""
    roles = [role for role in ROLES if role.block == block]
    chosen = {r.key: {"description": r.description, "enum": choices(r.home)} for r in roles}
    pooled = {"pooled": _POOLED} if block == "model" else {}
    settings = {
        name: _block_schema(module_of(role.home, name, role.key))
        for role in roles
        for name in choices(role.home)
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(chosen),
        "properties": chosen | pooled | {n: s for n, s in settings.items() if s["properties"]},
    }


def _block_schema(part: str) -> dict[str, Any]:
    fields = settings_fields(part)
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: field.schema for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.is_required],
    }


def imagenet_entry(model: Settings) -> Mapping[str, Any] | None:
    """The file of ImageNet weights of the encoder, as an entry of archives; None: it has none."""
    module = place(model, "encoder")
    files = declared(module, "IMAGENET", default=None)
    key = declared(module, "IMAGENET_OF", default=None)
    return files[own_settings(model, "encoder")[key]] if files and key else files


def network_faults(config: Settings) -> Iterator[Fault]:
    """Parts and starts of the config that do not go together."""
    model = config["model"]
    of_frames = declared(place(model, "pooling"), "OF_FRAMES", default=False)
    if of_frames and model.get("pooled", "frames") != "scores":
        text = "weighs the scores of frames: set model.pooled: scores"
        yield "model.pooling", f"{model['pooling']!r} {text}"
    yield from _encoder_faults(config)
    yield from _front_end_faults(config)
    for block in ("pretrain", "scratch"):
        if config[block].get("start", "random") == "imagenet":
            yield from ((f"{block}.start", text) for text in _imagenet_faults(model))


def frame_faults(config: Settings) -> Iterator[Fault]:
    """Scores of frames that are asked of a network which has none."""
    pooled = config["model"].get("pooled", "frames")
    if config["evaluation"]["frame_scores"] and pooled != "scores":
        yield "evaluation.frame_scores", f"true needs model.pooled: scores (it is {pooled})"


def _encoder_faults(config: Settings) -> Iterator[Fault]:
    """What an encoder whose file has a `fault` says of its settings and the features' bands."""
    model, module = config["model"], place(config["model"], "encoder")
    if has_function(module, "fault"):
        settings = own_settings(model, "encoder")
        if found := standalone(module, "fault")(settings, bands_of(config["features"])):
            key, text = f"model.{model['encoder']}.{found[0]}", found[1]
            is_given = found[0] in (model.get(model["encoder"]) or {})
            yield (key, text) if is_given else ("model.encoder", f"{key}: {text}")


def _front_end_faults(config: Settings) -> Iterator[Fault]:
    """Of an encoder that does not take what the front end makes."""
    features, encoder = config["features"], config["model"]["encoder"]
    are_waveforms, front_end = not bands_of(features), features["front_end"]
    if takes_waveforms(config["model"]) != are_waveforms:
        made, taken = ("waveforms", "frames") if are_waveforms else ("frames", "waveforms")
        text = f"{encoder!r} takes {taken}, and features.front_end: {front_end} makes {made}; "
        yield "model.encoder", text + "choose two that go together"


def takes_waveforms(model: Settings) -> bool:
    """Whether the encoder takes waveforms in the place of frames."""
    return declared(place(model, "encoder"), "TAKES_WAVEFORMS", default=False)


def _imagenet_faults(model: Settings) -> Iterator[str]:
    home, encoder = ROLES[1].home, model["encoder"]
    if not imagenet_entry(model):
        have = [n for n in choices(home) if declared(f"{home}.{n}", "IMAGENET", default=None)]
        yield f"there are no ImageNet weights of model.encoder: {encoder}; of: {', '.join(have)}"
        return
    own = own_settings(model, "encoder")
    for key, needed in declared(f"{home}.{encoder}", "IMAGENET_SETTINGS", {"width": 1}).items():
        if own[key] != needed:
            what = f"model.{encoder}.{key}: {needed:g}, as the weights have it (it is {own[key]:g})"
            yield f"'imagenet' needs {what}"


def unread_faults(layers: Sequence[Settings]) -> Iterator[Fault]:
    """Blocks of settings that a file over the first one has for a part that is not chosen there.

    `layers`: the contents of the config's files, in order.
    """
    choice: dict[tuple[str, str], Any] = {}
    for number, layer in enumerate(layers):
        for block in ("features", "model"):
            own = layer.get(block) or {}
            keys = [role.key for role in ROLES if role.block == block]
            choice |= {(block, key): own[key] for key in keys if key in own}
            read = {choice.get((block, key)) for key in keys}
            for name in own.keys() - {*keys, "pooled"} - read if number else ():
                chosen = ", ".join(f"{block}.{key}: {choice.get((block, key))}" for key in keys)
                yield f"{block}.{name}", f"means nothing with {chosen}; remove it"


def frames_of(features: Settings, clip_seconds: float) -> int:
    """Frames, or samples, of a clip of that length, as the front end makes them."""
    settings = own_settings(features, "front_end")
    samples = round(clip_seconds * settings.get("sample_rate", 1))
    return standalone(place(features, "front_end"), "frames")(samples, settings)


def band_fault(settings: Settings) -> tuple[str, str] | None:
    """Which setting of a front end contradicts 0 <= fmin < fmax <= sample_rate / 2, and how."""
    fmin, fmax, highest = (settings[key] for key in ("fmin", "fmax", "sample_rate"))
    if fmax > highest / 2:
        return "fmax", (
            f"{fmax} is not allowed; must be at most half of sample_rate ({highest / 2:g})"
        )
    return None if fmin < fmax else ("fmin", f"{fmin} is not allowed; must be below fmax ({fmax})")


def least_frames(model: Settings) -> int:
    """The fewest frames, or samples, of which the encoder leaves something."""
    encoder = place(model, "encoder")
    if "least_frames" in choices(encoder):
        return standalone(encoder, "least_frames")(own_settings(model, "encoder"))
    return declared(encoder, "LEAST_FRAMES", default=1)


def published_features(encoder: str) -> dict[str, Any]:
    """The front end, and its settings, that the published weights of an encoder are known to need;
    nothing where their file tells."""
    front_end = declared(encoder, "PUBLISHED_FRONT_END", default=None)
    return feature_settings({"front_end": front_end}) if front_end else {}


def settings_that_differ(trained: Settings, features: Settings) -> list[str]:
    """How `features`, of a config or a features file, differ from what a network was trained on.

    One line each, which names the value that it must have.
    """
    needed = trained.get("front_end")
    alike = needed == features.get("front_end")
    own = [key for key in features if key != "front_end" and (key in trained or alike)]
    settings = {str(needed): {key: trained.get(key) for key in own}}
    found = {"front_end": features.get("front_end"), str(needed): features}
    return list(parts_that_differ({"front_end": needed} | settings, found, "features"))


def parts_that_differ(needed: Settings, own: Settings, key: str = "model") -> Iterator[str]:
    """How the settings `own`, which the config has at `key`, differ from those that are needed.

    One line each, which names the value that it must have.
    """
    for name, value in needed.items():
        found = own.get(name)
        if isinstance(value, Mapping):
            yield from parts_that_differ(value, found or {}, f"{key}.{name}")
        elif found != value:
            number = f"{value:g}" if isinstance(value, float) else value
            yield f"set {key}.{name}: {number} (it is {found})"

"""Checkpoints and published weights from before networks were made of parts, as they are now."""

from collections.abc import Mapping
from typing import Any

_PARTS = ("encoder", "pooling", "head")
_PART_OF = {"fc1": "head", "fc_audioset": "head", "attention": "pooling"}
_ENCODERS = {"resnet54": "resnet54", "mn04": "mn04", "embedding": "frame_mlp"}
_FRONT_ENDS = {"embedding": "released_embeddings"}


def name_now(tensor: str) -> str:
    """The name of a network's tensor, below the part that it belongs to."""
    first = tensor.split(".")[0]
    return tensor if first in _PARTS else f"{_PART_OF.get(first, 'encoder')}.{tensor}"


def facts_now(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's sidecar with the present keys of `features` and of `settings.model`."""
    made = dict(facts)
    if "features" in made and "front_end" not in made["features"]:
        made["features"] = _features_now(made["features"])
    settings = dict(made.get("settings", {}))
    if "mel_bands" in settings:
        model = _model_now(settings["model"])
        made["settings"] = settings | {"model": model, "bands": settings.pop("mel_bands")}
    return made


def _features_now(features: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(features)
    kind = settings.pop("kind", "logmel")
    if kind == "embedding":
        settings["components"] = settings.pop("mel_bands")
    return {"front_end": _FRONT_ENDS.get(kind, kind)} | settings


def _model_now(model: Mapping[str, Any]) -> dict[str, Any]:
    rates, kind = model["dropout"], model.get("architecture", "resnet54")
    own: dict[str, Any] = {"dropout": rates["conv"]}
    head = {"dropout": rates["linear"]}
    if kind == "resnet54":
        own |= {"width": model["width"], "blocks": list(model["blocks"])}
        own |= {"block_dropout": rates["block"]}
        own |= {"block_dropout_in_monte_carlo": rates.get("block_in_monte_carlo", False)}
    elif kind == "embedding":
        own |= {"hidden": model["hidden"]}
    else:
        head |= {"hidden": 512, "activation": "hardswish"}
    pooling = "max_plus_mean" if kind == "resnet54" else model.get("pooling", "mean")
    encoder = _ENCODERS[kind]
    chosen = {"encoder": encoder, "pooling": pooling, "pooled": "frames", "head": "two_layers"}
    return chosen | {encoder: own, "two_layers": head}

"""Backbones by name, `model.architecture` in the config, and whose published weights fit them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vipann.errors import UserError
from vipann.models.embedding import EmbeddingNetwork
from vipann.models.network import Network
from vipann.models.resnet54 import ResNet54

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Architecture:
    """How a network is made, and how its published weights are read.

    `build` takes the number of classes, the config's settings (see `build_network`) and whether
    there is dropout after fc1. `own_name` gives the name here of a published tensor; `front_end`
    are the feature settings that published weights are known to need, as far as their files don't
    tell them.
    """

    build: Callable[[int, Settings, bool], Network]
    own_name: Callable[[str], str] = str
    front_end: Mapping[str, Any] = field(default_factory=dict)


def architecture(model: Settings) -> Architecture:
    """The architecture that the config's `model` block names; the paper's where it names none.

    Raises:
        UserError: there is none of that name.
    """
    name = model.get("architecture", "resnet54")
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"model.architecture is {name!r}; it is one of: {known}")
    return ARCHITECTURES[name]()


def _resnet54() -> Architecture:
    def build(classes: int, settings: Settings, output_dropout: bool) -> Network:
        model = settings["model"]
        return ResNet54(
            classes,
            width=model["width"],
            blocks=model["blocks"],
            mel_bands=settings["mel_bands"],
            dropout=_rates(model, "conv", "linear", "block"),
            output_dropout=output_dropout,
        )

    return Architecture(build)


def _embedding() -> Architecture:
    def build(classes: int, settings: Settings, output_dropout: bool) -> Network:
        model = settings["model"]
        return EmbeddingNetwork(
            classes,
            hidden=model["hidden"],
            pooling=model["pooling"],
            bands=settings["mel_bands"],
            dropout=_rates(model, "conv", "linear"),
            output_dropout=output_dropout,
        )

    return Architecture(build)


def _mn04() -> Architecture:
    # Importing torchvision takes longer than many a job's work.
    from vipann.models.mobilenet import FRONT_END, MobileNet, own_name

    def build(classes: int, settings: Settings, output_dropout: bool) -> Network:
        return MobileNet(classes, _rates(settings["model"], "conv", "linear"), output_dropout)

    return Architecture(build, own_name, FRONT_END)


def _rates(model: Settings, *names: str) -> dict[str, float]:
    return {name: model["dropout"][name] for name in names}


ARCHITECTURES: dict[str, Callable[[], Architecture]] = {
    "resnet54": _resnet54,
    "embedding": _embedding,
    "mn04": _mn04,
}

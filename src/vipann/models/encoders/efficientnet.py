"""EfficientNet-B0 and B2 (Tan and Le 2019), as PSLA uses them: torchvision's layers."""

from dataclasses import dataclass
from typing import Annotated, Literal

from torchvision.models.efficientnet import EfficientNet, _efficientnet_conf
from torchvision.ops import SqueezeExcitation

from vipann.models.encoders._images import DroppingSettings, ImageEncoder, name_stochastic_depth

# Of widths and depths (Tan and Le, section 4).
_SCALES = {"b0": (1.0, 1.0), "b2": (1.1, 1.2)}
# torchvision's, IMAGENET1K_V1. PSLA's own start, the weights of EfficientNet's authors, is another
# training of the same network.
IMAGENET_OF = "variant"
IMAGENET = {
    "b0": {
        "file": "efficientnet_b0_rwightman-7f5810bc.pth",
        "url": "https://download.pytorch.org/models/efficientnet_b0_rwightman-7f5810bc.pth",
        "sha256": ["7f5810bc"],
    },
    "b2": {
        "file": "efficientnet_b2_rwightman-c35c1473.pth",
        "url": "https://download.pytorch.org/models/efficientnet_b2_rwightman-c35c1473.pth",
        "sha256": ["c35c1473"],
    },
}
IMAGENET_LEFT = ("classifier.",)


@dataclass(frozen=True)
class Settings(DroppingSettings):
    """Of the config's `model.efficientnet`."""

    variant: Annotated[Literal["b0", "b2"], "Which one (PSLA, §II-C)."] = "b2"


class Encoder(ImageEncoder):
    """Log-mel (B, T, M) to frames (B, T / 32, E): 1280 (B0) or 1408 (B2) at width 1."""

    def __init__(self, settings: Settings, bands: int) -> None:
        width, depth = _SCALES[settings.variant]
        scales = {"width_mult": width * settings.width, "depth_mult": depth}
        blocks, _ = _efficientnet_conf("efficientnet_b", **scales)
        layers = EfficientNet(blocks, 0.0, settings.stochastic_depth, num_classes=1).features
        name_stochastic_depth(layers, settings.stochastic_depth_in_monte_carlo)
        for layer in layers.modules():
            if isinstance(layer, SqueezeExcitation):
                layer.activation.inplace = False  # what a Flipout layer returns stays as it is
        super().__init__(layers, layers[-1].out_channels, settings.dropout)

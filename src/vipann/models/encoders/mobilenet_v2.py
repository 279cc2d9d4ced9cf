"""MobileNetV2 (Sandler et al. 2018), PSLA's smallest network: torchvision's layers."""

from dataclasses import dataclass

from torchvision.models import mobilenet_v2

from vipann.models.encoders._images import ImageEncoder, ImageSettings

# torchvision's, IMAGENET1K_V1, which PSLA's code loads.
IMAGENET = {
    "file": "mobilenet_v2-b0353104.pth",
    "url": "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
    "sha256": ["b0353104"],
}
IMAGENET_LEFT = ("classifier.",)
_LAST = 1280


@dataclass(frozen=True)
class Settings(ImageSettings):
    """Of the config's `model.mobilenet_v2`."""


class Encoder(ImageEncoder):
    """Log-mel (B, T, M) to frames (B, T / 32, 1280) at width 1."""

    def __init__(self, settings: Settings, bands: int) -> None:
        network = mobilenet_v2(width_mult=settings.width, num_classes=1)
        super().__init__(network.features, network.last_channel, settings.dropout)

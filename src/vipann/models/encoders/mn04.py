"""EfficientAT's mn04 (Schmid et al. 2023), a MobileNetV3 of one million weights for audio tagging.

Its blocks are torchvision's, at width 0.4, and its tensors have the names of the published
checkpoint but for squeeze-excitation and the head.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.mobilenetv3 import InvertedResidual, mobilenet_v3_large

from vipann.models.dropout import Dropout
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate

# How the published weights were trained: the front end with its defaults, the rest of the network,
# and their names where ours differ.
PUBLISHED_FRONT_END = "kaldi_mel"
PUBLISHED_PARTS = {
    "pooling": "mean",
    "pooled": "frames",
    "head": "two_layers",
    "two_layers": {"hidden": 512, "activation": "hardswish"},
}
PUBLISHED_NAMES = {
    ".conc_se_layers.0.": ".",
    "classifier.2.": "fc1.",
    "classifier.5.": "fc_audioset.",
}
_WIDTH = 0.4


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.mn04`."""

    dropout: Annotated[Rate, "Before and after the last convolution; published: 0."] = 0.0


class SqueezeExcitation(nn.Module):
    """Weights for channels from their means; torchvision's has convolutions, the published Linear.

    (B, channels, H, W) to the same.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3))))).sigmoid()
        return x * scale[:, :, None, None]


class Encoder(AudioEncoder):
    """Scaled log-mel (B, T, mel_bands) of the front end `kaldi_mel` to frames (B, T // 32, 384)."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        block = partial(InvertedResidual, se_layer=SqueezeExcitation)
        self.features = mobilenet_v3_large(width_mult=_WIDTH, block=block).features
        stem, last = self.features[0], self.features[-1]
        stem[0] = nn.Conv2d(1, stem[0].out_channels, 3, stride=2, padding=1, bias=False)
        self.dropout1 = Dropout(settings.dropout)
        self.dropout2 = Dropout(settings.dropout)
        self.size = last.out_channels

    def initialise(self) -> None:
        """torchvision has drawn all but the stem."""
        nn.init.kaiming_normal_(self.features[0][0].weight, mode="fan_out")

    def blocks(self, x: Tensor) -> Tensor:
        """(B, 1, T, mel_bands) to (B, 64, mel_bands // 32, T // 32): here time is the width."""
        x = x.transpose(2, 3).contiguous(memory_format=self.memory_format)
        return self.features[:-1](x)

    def frames(self, x: Tensor) -> Tensor:
        """The blocks' output through the last convolution, and its mean over frequency."""
        x = self.dropout2(self.features[-1](self.dropout1(x)))
        return x.mean(dim=2).transpose(1, 2)

    def steps(self) -> list[Step]:
        """All dropout is in the last one."""
        return [
            (self.normalise, []),
            (self.blocks, list(self.features[:-1])),
            (self.frames, [self.dropout1, self.features[-1], self.dropout2]),
        ]

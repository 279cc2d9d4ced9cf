"""EfficientAT's mn04 (Schmid et al. 2023), a MobileNetV3 of one million weights for audio tagging.

Its blocks are torchvision's, at width 0.4, and its tensors have the names of the published
checkpoint but for squeeze-excitation and the head.
"""

from collections.abc import Mapping
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.mobilenetv3 import InvertedResidual, mobilenet_v3_large

from vipann.models.dropout import Dropout
from vipann.models.network import Network, Step

WIDTH = 0.4
HIDDEN = 512
# What the published weights were trained on.
FRONT_END = {
    "kind": "kaldi_mel",
    "sample_rate": 32000,
    "window": "hann",
    "window_length": 800,
    "fft_length": 1024,
    "hop_length": 320,
    "mel_bands": 128,
    "fmin": 0.0,
    "fmax": 15000.0,
    "amin": 1e-5,
    "pre_emphasis": 0.97,
}
_PUBLISHED_NAMES = {
    ".conc_se_layers.0.": ".",
    "classifier.2.": "fc1.",
    "classifier.5.": "fc_audioset.",
}


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


class MobileNet(Network):
    """mn04: scaled log-mel (B, T, mel_bands) of the front end `kaldi_mel` to logits (B, classes).

    Dropout at the rate `conv` before and after the last convolution, at `linear` before and, if
    `output_dropout`, after fc1 (published: 0.2 after it, none elsewhere).
    """

    activation = staticmethod(F.hardswish)

    def __init__(
        self,
        classes: int,
        dropout: Mapping[str, float] | None = None,
        output_dropout: bool = False,
    ) -> None:
        super().__init__()
        rates = {"conv": 0.0, "linear": 0.2} | dict(dropout or {})
        block = partial(InvertedResidual, se_layer=SqueezeExcitation)
        self.features = mobilenet_v3_large(width_mult=WIDTH, block=block).features
        stem, last = self.features[0], self.features[-1]
        stem[0] = nn.Conv2d(1, stem[0].out_channels, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(stem[0].weight, mode="fan_out")
        self.dropout1 = Dropout(rates["conv"])
        self.dropout2 = Dropout(rates["conv"])
        self.add_head(last.out_channels, HIDDEN, classes, rates["linear"], output_dropout)
        self.lay_out(channels_last=True)

    def normalise(self, features: Tensor) -> Tensor:
        """(B, T, mel_bands) to (B, 1, T, mel_bands): the front end has scaled them."""
        return features.unsqueeze(1)

    def blocks(self, x: Tensor) -> Tensor:
        """(B, 1, T, mel_bands) to (B, 64, mel_bands // 32, T // 32): here time is the width."""
        x = x.transpose(2, 3).contiguous(memory_format=self.memory_format)
        return self.features[:-1](x)

    def pool(self, x: Tensor) -> Tensor:
        """The blocks' output to the embedding (B, 384): the last convolution and the mean."""
        return self.dropout2(self.features[-1](self.dropout1(x))).mean(dim=(2, 3))

    def backbone(self) -> list[Step]:
        """Input, blocks, and the embedding, which holds all dropout."""
        return [
            (self.normalise, []),
            (self.blocks, list(self.features[:-1])),
            (self.pool, [self.dropout1, self.features[-1], self.dropout2]),
        ]


def own_name(published: str) -> str:
    """Name here of a tensor of the published checkpoint."""
    for theirs, ours in _PUBLISHED_NAMES.items():
        published = published.replace(theirs, ours)
    return published

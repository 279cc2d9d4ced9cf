"""Whether clips are long enough for the network, judged before anything is downloaded.

Standard library only, as `vipann.config`; tests hold both tables against the networks and front
ends themselves.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vipann.used import Path_

# What a network's strides and pooling leave something of.
LEAST_FRAMES = {"resnet54": 32, "mn04": 1, "embedding": 1}


def frames_of(features: Mapping[str, Any], clip_seconds: float) -> int:
    """Frames of a clip of that length, as the front end of `features.kind` makes them."""
    return _FRAMES[features["kind"]](features, clip_seconds)


def length_faults(config: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Datasets of the run whose `clip_seconds` make fewer frames than the network takes.

    Their shorter files are no fault: they are padded to `clip_seconds`. The out-of-distribution set
    is heard in windows of these lengths.
    """
    features, needed = config["features"], LEAST_FRAMES[config["model"]["architecture"]]
    for name in dict.fromkeys([config["upstream"], *config["transfer_datasets"]]):
        seconds = config["datasets"].get(name, {}).get("clip_seconds")
        if seconds is None or (frames := frames_of(features, seconds)) >= needed:
            continue
        least = math.ceil(_least_seconds(features, needed) * 100) / 100
        other = "" if features["kind"] == "embedding" else ", or lower features.hop_length"
        yield (
            ("datasets", name, "clip_seconds"),
            f"{seconds:g} is not allowed; {config['model']['architecture']} needs {needed} frames, "
            f"and features make {frames} of it: must be at least {least:g}{other}",
        )


def _least_seconds(features: Mapping[str, Any], frames: int) -> float:
    if features["kind"] == "embedding":
        return float(frames)
    return frames * features["hop_length"] / features["sample_rate"]


_FRAMES: dict[str, Callable[[Mapping[str, Any], float], int]] = {
    "logmel": lambda f, s: 1 + round(s * f["sample_rate"]) // f["hop_length"],
    "kaldi_mel": lambda f, s: 1 + (round(s * f["sample_rate"]) - 1) // f["hop_length"],
    "embedding": lambda f, s: round(s),
}

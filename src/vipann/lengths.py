"""Whether clips are long enough for the network, judged before anything is downloaded.

Standard library only, as `vipann.config`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.parts import Fault, frames_of, least_frames, own_settings

_LONGEST_FRAME = 66  # s: the largest hop at the lowest rate


def length_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """Datasets of the run whose `clip_seconds` make fewer frames than the network takes.

    Their shorter files are no fault: they are padded to `clip_seconds`. The out-of-distribution set
    is heard in windows of these lengths.
    """
    features, needed = config["features"], least_frames(config["model"])
    for name in dict.fromkeys([config["upstream"], *config["transfer_datasets"]]):
        seconds = config["datasets"].get(name, {}).get("clip_seconds")
        if seconds is None or (frames := frames_of(features, seconds)) >= needed:
            continue
        hundredths = range(1, 100 * needed * _LONGEST_FRAME)
        least = next(s / 100 for s in hundredths if frames_of(features, s / 100) >= needed)
        front_end = features["front_end"]
        hops = "hop_length" in own_settings(features, "front_end")
        other = f", or lower features.{front_end}.hop_length" if hops else ""
        yield (
            f"datasets.{name}.clip_seconds",
            f"{seconds:g} is not allowed; {config['model']['encoder']} needs {needed} frames, "
            f"and features make {frames} of it: must be at least {least:g}{other}",
        )

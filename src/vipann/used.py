"""Which settings are read, given what the config has chosen: a change of another one is none."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path_ = tuple[str | int, ...]

_SPECTROGRAM = (
    *("kind", "sample_rate", "window", "window_length", "hop_length", "mel_bands"),
    *("fmin", "fmax", "amin"),
)
_FEATURES_OF_KIND = {
    "logmel": _SPECTROGRAM,
    "kaldi_mel": (*_SPECTROGRAM, "fft_length", "pre_emphasis"),
    "embedding": ("kind", "mel_bands"),
}
# Of a block inside, its name takes all keys, a name with a dot one of them.
_MODEL_OF_ARCHITECTURE = {
    "resnet54": ("architecture", "dropout", "width", "blocks"),
    "embedding": ("architecture", "dropout.conv", "dropout.linear", "hidden", "pooling"),
    "mn04": ("architecture", "dropout.conv", "dropout.linear"),
}


def used_features(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `features` that its kind reads."""
    return _used(config["features"], _FEATURES_OF_KIND[config["features"]["kind"]])


def used_model(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `model` that its architecture reads."""
    return _used(config["model"], _MODEL_OF_ARCHITECTURE[config["model"]["architecture"]])


def unused_faults(
    config: Mapping[str, Any], layers: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[tuple[Path_, str]]:
    """Keys that a file over the first one sets, and that what the config has chosen doesn't read.

    Those that it needs and that are nowhere, too. `layers`: name and content of the config's files,
    in order. The first file, the paper's settings, holds what the paper's own choices need.
    """
    for block, chosen_by, used, needed in (
        ("features", "kind", used_features(config), _FEATURES_OF_KIND),
        ("model", "architecture", used_model(config), _MODEL_OF_ARCHITECTURE),
    ):
        choice = config[block][chosen_by]
        own = {path for _, layer in layers[1:] for path in _paths(layer.get(block) or {})}
        for path in sorted(own):
            if not look_up(used, path)[0]:
                yield (block, *path), f"means nothing with {block}.{chosen_by}: {choice}; remove it"
        if missing := [n for n in needed[choice] if not look_up(config[block], n.split("."))[0]]:
            yield (
                (block,),
                f"missing key: {', '.join(missing)} (needed with {block}.{chosen_by}: {choice})",
            )


def look_up(layer: Any, path: Sequence[str | int]) -> tuple[bool, Any]:
    """Whether there is something at `path` inside nested mappings and lists, and what."""
    for key in path:
        try:
            layer = layer[key]
        except (KeyError, IndexError, TypeError):
            return False, None
    return True, layer


def _used(block: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    used: dict[str, Any] = {}
    for name in names:
        *outer, key = name.split(".")
        found, value = look_up(block, [*outer, key])
        if found:
            inside = used
            for step in outer:
                inside = inside.setdefault(step, {})
            inside[key] = value
    return used


def _paths(block: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in block.items():
        if isinstance(value, Mapping):
            yield from ((key, *path) for path in _paths(value))
        else:
            yield (key,)

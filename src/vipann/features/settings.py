"""Whether features are those that a network was trained on, by their settings."""

from collections.abc import Mapping
from typing import Any


def settings_that_differ(trained: Mapping[str, Any], features: Mapping[str, Any]) -> list[str]:
    """How `features`, the config's or a features file's, differ from what a network was trained on.

    One line each, which names the value that it must have. `trained` without a kind is logmel.
    """
    trained = {"kind": "logmel"} | dict(trained)
    lines = []
    for key, value in features.items():
        needed = trained.get(key)
        if needed != value:
            number = f"{needed:g}" if isinstance(needed, float) else needed
            lines.append(f"set features.{key}: {number} (it is {value})")
    return lines

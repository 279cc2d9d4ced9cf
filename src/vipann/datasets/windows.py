"""The out-of-distribution set, cut into windows as long as the clips that a network was trained on.

Pooling over time is a maximum plus a mean, so an uncertainty depends on how long a clip is: clips
of another length would be recognised by that, whatever is to be heard in them. Each network hears
windows of its own clips' length. Standard library only: the Snakefile imports it while it is
parsed.
"""

from collections.abc import Mapping
from typing import Any

# `windows` of the folder adapter where no window may be padded.
WHOLE = "whole"


def windows_name(ood: str, seconds: float) -> str:
    """What the set `ood` in windows of `seconds` is called in paths: "ships_5s", "ships_0p5s"."""
    return f"{ood}_{seconds:g}s".replace(".", "p")


def windows_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The windows of the out-of-distribution set that the networks of each dataset hear, by
    dataset; empty without such a set."""
    if config["ood"] is None:
        return {}
    trained_on = [name for name in (config["upstream"], *config["transfer_datasets"]) if name]
    seconds = {name: config["datasets"][name]["clip_seconds"] for name in trained_on}
    return {name: windows_name(config["ood"], seconds[name]) for name in trained_on}


def dataset_blocks(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The config's block of every dataset, and one for each length of the out-of-distribution
    windows, which are whole; a recording that is shorter is padded as the networks' own clips."""
    blocks = dict(config["datasets"])
    for dataset, name in windows_of(config).items():
        block = config["datasets"][config["ood"]]
        options = block["options"]
        if block["adapter"] == "folder":
            options = {**options, "windows": WHOLE}
        own = {key: config["datasets"][dataset][key] for key in ("clip_seconds", "padding")}
        blocks[name] = {**block, **own, "options": options}
    return blocks

"""Where a run's networks differ from the paper's in kind, for the reader of its results.

Standard library only: the Snakefile imports this module while it is parsed.
"""

from collections.abc import Mapping
from typing import Any

FLIP = (
    "Flip was never trained as a Flipout network upstream: its posterior is MOPED's start around "
    "published deterministic weights. The paper trains it on AudioSet before transfer (section "
    "3.4), so that what is called Flip here is another thing than the paper's Flip."
)
DROP = (
    "Drop starts from published deterministic weights, with dropout put in for transfer; the "
    "paper pretrains it with its dropout (section 3.4)."
)


def notes_of(config: Mapping[str, Any]) -> list[str]:
    """Sentences about upstream networks that stand in for what the paper trains."""
    pretrain = config["pretrain"]
    if pretrain["source"] == "train":
        return []
    strategies, given = config["transfer"]["strategies"], pretrain["checkpoints"]
    untrained = not given.get("flip") and not pretrain["steps"]["flip"]
    notes = [FLIP] if "flip" in strategies and untrained else []
    return notes + ([DROP] if "drop" in strategies and not given.get("drop") else [])

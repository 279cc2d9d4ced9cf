"""What label enhancement changes (section V): labels added, and classes that they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vipann.evaluation.variant_results import Results
from vipann.papers import Sources


@dataclass(frozen=True)
class Added:
    """share: labels added to the train list, per label that it had; classes: those that got one."""

    share: float
    classes: frozenset[str]


def added_labels(sources: Sources) -> dict[str, Added]:
    """Label set -> what it adds to the train list.

    sources: manifests (of the upstream dataset), label_sets (".../<name>.parquet", columns clip_id
    and labels).
    """
    (manifest,) = sources["manifests"]
    clips = pd.read_parquet(manifest, columns=["clip_id", "split", "labels"])
    before = clips[clips["split"] == "train"].set_index("clip_id")["labels"]
    return {Path(path).stem: _added(before, path) for path in sources.get("label_sets", [])}


def _added(before: pd.Series, path: str) -> Added:
    after = pd.read_parquet(path).set_index("clip_id")["labels"].reindex(before.index)
    new = [
        set(late) - set(early)
        for early, late in zip(before, after, strict=True)
        if late is not None
    ]
    count = sum(map(len, new))
    return Added(count / max(1, sum(map(len, before))), frozenset().union(*new))


def label_set_of(variants: Mapping[str, Any], name: str | None) -> str | None:
    """The label set that a variant of the config is trained with, None for the original."""
    return (variants.get(name or "") or {}).get("pretrain", {}).get("label_set")


def relative_gains(
    results: Results, better: str, worse: str, classes: frozenset[str]
) -> dict[str, float]:
    """Mean relative change of a class's average precision: of all classes, of `classes` (those that
    got labels) and of the others; means over seeds are compared."""
    one, other = (results.per_class(name).mean(axis=1) for name in (better, worse))
    gains = (one / other - 1).replace([np.inf, -np.inf], np.nan).dropna()
    impacted = gains.index.isin(list(classes))
    return {
        "all": float(gains.mean()),
        "impacted": float(gains[impacted].mean()),
        "others": float(gains[~impacted].mean()),
    }


def relative(values: Sequence[float]) -> float:
    """first / second - 1."""
    return values[0] / values[1] - 1

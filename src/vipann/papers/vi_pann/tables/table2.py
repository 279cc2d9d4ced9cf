"""Table 2: the transfer datasets, ours beside the paper's."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vipann.datasets.manifest import read_manifest
from vipann.features.store import FeatureStore
from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import paper_value
from vipann.tables.layout import (
    ABOUT_THE_PAPER,
    Table,
    compared,
    number,
    side_by_side,
    whole_number,
)

TABLE = {
    "number": "2",
    "label": "the datasets",
    "caption": """
Clips, classes, length of clips and folds of {{ datasets | join(", ") }}, counted from what
networks are trained and tested on. The paper's numbers and the difference stand beside ours only
where the dataset is the paper's own.""",
    "needs": {"manifests": "manifests/{transfer}.parquet", "features": "features/{transfer}.h5"},
    "about": ["names", "shown_names"],
}
METRICS = ("Num Clips", "Num Classes", "Duration", "Folds")
# Clips that differ by less are of one length: files are cut at whole samples.
SAME_SECONDS = 0.05
HOW = (
    "Clips and classes that networks are trained and tested on. Duration: of the longest clip, "
    "before clips are cut or padded; ≤ where clips differ in length."
)


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """Per dataset its clips, classes, duration (s) and folds.

    sources: manifests, features of each dataset, in the order of rows, named by its key. Clips of
    the manifest whose audio could not be used are left out, and counted in `left_out`. Columns:
    table, dataset, metric (METRICS), ours, shortest (s, Duration only), left_out (Num Clips only),
    paper, difference (ours - paper; both empty where the dataset is not the paper's).
    """
    rows = [
        {"table": 2, "dataset": Path(manifest).stem, **cells}
        for manifest, feature in zip(sources["manifests"], sources["features"], strict=True)
        for cells in _measured(manifest, feature)
    ]
    frame = compared(
        pd.DataFrame(rows),
        [paper_value(2, names.get(r["dataset"]) or "", r["metric"]) for r in rows],
    )
    texts = frame[["dataset", "metric"]].assign(**_texts(frame))
    columns, notes = ["metric", ""], [HOW, *_left_out(frame), ABOUT_THE_PAPER]
    if not frame["paper"].notna().any():
        texts = texts.drop(columns=["paper", "difference"])
        columns, notes = ["metric"], notes[:-1]
    cells = side_by_side(texts, {"dataset": "Dataset"}, columns, {"dataset": shown_names})
    return Table("Table 2: the datasets of transfer learning", frame, cells, notes)


def _measured(manifest: str, features: str) -> list[dict]:
    store, clips = FeatureStore(features), read_manifest(Path(manifest)).frame
    kept = clips[clips["clip_id"].isin(store.clip_ids)]
    seconds = kept["duration_s"]
    measured: dict[str, dict[str, Any]] = {
        "Num Clips": {"ours": len(kept), "shortest": None, "left_out": len(clips) - len(kept)},
        "Num Classes": {"ours": len(store.classes)},
        "Duration": {"ours": seconds.max(), "shortest": seconds.min()},
        "Folds": {"ours": np.unique(store.fold[store.fold > 0]).size},
    }
    return [{"metric": metric, **measured[metric]} for metric in METRICS]


def _texts(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Ours, the paper's and the difference as the paper writes them."""
    is_seconds = frame["metric"] == "Duration"
    varies = frame["ours"] - frame["shortest"] > SAME_SECONDS
    off = frame["difference"].mask(frame["difference"].abs() < SAME_SECONDS, 0)
    seconds = {
        "ours": varies.map({True: "≤ ", False: ""}) + frame["ours"].map("{:.3g} s".format),
        "paper": frame["paper"].map(
            lambda value: number(value, "g") + (" s" if value == value else "")
        ),
        "difference": off.map(lambda value: number(value, "+.3g") if value else "0"),
    }
    counts = {
        "ours": frame["ours"].map(whole_number),
        "paper": frame["paper"].map(whole_number),
        "difference": frame["difference"].map(lambda value: whole_number(value, "+")),
    }
    return {kind: seconds[kind].where(is_seconds, counts[kind]) for kind in counts}


def _left_out(frame: pd.DataFrame) -> list[str]:
    rows = frame[frame["left_out"] > 0]
    counts = ", ".join(f"{row.dataset} {row.left_out:g}" for row in rows.itertuples())
    return [f"Left out, as their audio could not be used: {counts}."] if counts else []

"""Table 2: the transfer datasets, ours beside the paper's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.datasets.manifest import read_manifest
from vipann.features.store import FeatureStore
from vipann.papers.vi_pann.printed import paper_value
from vipann.tables.layout import (
    ABOUT_THE_PAPER,
    NOTHING,
    Column,
    Layout,
    whole_number,
    whole_number_signed,
    write_table,
)

METRICS = ("Num Clips", "Num Classes", "Duration", "Folds")
# Clips that differ by less are of one length: files are cut at whole samples.
SAME_SECONDS = 0.05
HOW = (
    "Clips and classes that networks are trained and tested on. Duration: of the longest clip, "
    "before clips are cut or padded; ≤ where clips differ in length."
)


def dataset_table(
    manifests: Sequence[Path | str],
    features: Sequence[Path | str],
    paper_names: Mapping[str, str | None],
) -> pd.DataFrame:
    """Tidy Table 2: per dataset its clips, classes, duration (s) and folds.

    manifests, features: parquet and h5 of each dataset, in the order of rows, named by its key.
    Clips of the manifest whose audio could not be used are left out, and counted in `left_out`.
    Columns: table, dataset, metric (METRICS), ours, shortest (s, Duration alone), left_out (Num
    Clips alone), paper, difference (ours - paper; both empty where the dataset is not the paper's).
    """
    rows = []
    for manifest, feature in zip(manifests, features, strict=True):
        dataset = Path(manifest).stem
        for cells in _measured(manifest, feature):
            name = paper_names.get(dataset)
            paper = paper_value(2, name, cells["metric"]) if name else None
            rows.append({"table": 2, "dataset": dataset, **cells, "paper": paper})
    columns = ["table", "dataset", "metric", "ours", "shortest", "left_out", "paper"]
    frame = pd.DataFrame(rows, columns=columns).astype({"paper": "float64"})
    return frame.assign(difference=frame["ours"] - frame["paper"])


def write_dataset_table(
    manifests: Sequence[Path | str],
    features: Sequence[Path | str],
    paper_names: Mapping[str, str | None],
    csv: Path | str,
    md: Path | str,
    tex: Path | str,
) -> None:
    """Write Table 2 as csv, Markdown and LaTeX; arguments as for `dataset_table`."""
    frame = dataset_table(manifests, features, paper_names)
    compared = bool(frame["paper"].notna().any())
    kinds = ("ours", "paper", "difference") if compared else ("",)
    columns = [
        Column(metric, kind) if compared else Column("", metric)
        for metric in METRICS
        for kind in kinds
    ]
    rows = [
        [
            paper_names.get(dataset) or dataset,
            *(text for row in cells.itertuples() for text in _texts(row)[: len(kinds)]),
        ]
        for dataset, cells in frame.groupby("dataset", sort=False)
    ]
    notes = [HOW, *_left_out(frame)]
    if compared:
        notes.append(ABOUT_THE_PAPER)
    title = "Table 2: the datasets of transfer learning"
    layout = Layout(title, columns, rows, notes, stubs=("Dataset",))
    write_table(frame, layout, Path(csv), Path(md), Path(tex))


def _measured(manifest: Path | str, features: Path | str) -> list[dict]:
    store, clips = FeatureStore(features), read_manifest(Path(manifest)).frame
    used = clips[clips["clip_id"].isin(store.clip_ids)]
    seconds = used["duration_s"]
    measured = {
        "Num Clips": {"ours": len(used), "left_out": len(clips) - len(used)},
        "Num Classes": {"ours": len(store.classes)},
        "Duration": {"ours": seconds.max(), "shortest": seconds.min()},
        "Folds": {"ours": np.unique(store.fold[store.fold > 0]).size},
    }
    return [{"metric": metric, **measured[metric]} for metric in METRICS]


def _texts(row: tuple) -> tuple[str, str, str]:
    """(ours, the paper's, the difference) as the paper writes them."""
    if row.metric != "Duration":
        return (
            whole_number(row.ours),
            whole_number(row.paper),
            whole_number_signed(row.difference),
        )
    varies = row.ours - row.shortest > SAME_SECONDS
    difference = 0 if abs(row.difference) < SAME_SECONDS else row.difference
    return (
        f"{'≤ ' if varies else ''}{row.ours:.3g} s",
        NOTHING if pd.isna(row.paper) else f"{row.paper:g} s",
        NOTHING if pd.isna(difference) else f"{difference:+.3g}" if difference else "0",
    )


def _left_out(frame: pd.DataFrame) -> list[str]:
    rows = frame[frame["left_out"] > 0]
    if rows.empty:
        return []
    counts = ", ".join(f"{row.dataset} {row.left_out:g}" for row in rows.itertuples())
    return [f"Left out, as their audio could not be used: {counts}."]

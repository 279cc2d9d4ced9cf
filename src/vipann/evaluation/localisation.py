"""How well events lie in time: against strong labels, by segment and by event, with sed_eval.

Mesaros, Heittola and Virtanen, "Metrics for polyphonic sound event detection" (2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sed_eval.sound_event import EventBasedMetrics, SegmentBasedMetrics

from vipann.datasets.strong_labels import read_strong_labels
from vipann.evaluation.score_columns import COLUMNS as SCORE_COLUMNS
from vipann.evaluation.score_columns import ORIGINAL
from vipann.evaluation.variant_metrics import Scored, described
from vipann.features.store import FeatureStore
from vipann.files import replacing

# Those of the scores of variants, and the class.
COLUMNS = [*SCORE_COLUMNS, "class"]
ALL_CLASSES = ""
# An event's offset may be off by the collar or, if that is more, by this share of its length.
OFFSET_SHARE = 0.2


@dataclass(frozen=True)
class Scoring:
    """segment_s: length of a segment; collar_s: by how much an onset may be off; both in s."""

    segment_s: float
    collar_s: float


def write_localisation(
    events: Sequence[tuple[Scored, Path]],
    strong_labels: Path,
    features: Path,
    scoring: Scoring,
    out: Path,
) -> None:
    """Score the events of each network over the evaluation list of `features`.

    Writes a parquet file with the columns `COLUMNS`: classes and metrics as `localisation` has
    them.
    """
    with FeatureStore(features) as store:
        clips = store.clip_ids[store.rows(split="eval")]
        heard = (list(clips), list(store.classes), float(store.clip_seconds))
    truth, frames = read_strong_labels(strong_labels), []
    for who, path in events:
        found = localisation(read_strong_labels(path), truth, *heard, scoring)
        frames.append(described(found, who, ORIGINAL, COLUMNS))
    with replacing(out) as beside:
        pd.concat(frames, ignore_index=True).to_parquet(beside, index=False)


def over_classes(path: Path | str) -> pd.DataFrame:
    """What such a file says of all classes at once, with the columns of the scores of variants."""
    frame = pd.read_parquet(path)
    return frame[frame["class"] == ALL_CLASSES][SCORE_COLUMNS]


def localisation(
    estimated: pd.DataFrame,
    reference: pd.DataFrame,
    clip_ids: Sequence[str],
    classes: Sequence[str],
    clip_seconds: float,
    scoring: Scoring,
) -> pd.DataFrame:
    """Columns class ("" for all of them at once), metric and value.

    estimated, reference: events, columns clip_id, class, onset_s, offset_s. Of segments and events:
    f1, precision, recall and error_rate (substitutions, deletions and insertions over events of the
    reference; may exceed 1), and of segments false_positives: active ones that should not be, over
    those that should. A class has the first and the last of these; macro_f1 is the classes' mean.
    Where nothing was found, precision is NaN and F1 is 0.
    """
    segments = SegmentBasedMetrics(list(classes), time_resolution=scoring.segment_s)
    by_event = EventBasedMetrics(
        list(classes),
        t_collar=scoring.collar_s,
        percentage_of_length=OFFSET_SHARE,
        event_matching_type="optimal",
    )
    ours, truth = (_by_clip(events) for events in (estimated, reference))
    for clip_id in clip_ids:
        pair = truth.get(clip_id, []), ours.get(clip_id, [])
        segments.evaluate(*pair, evaluated_length_seconds=clip_seconds)
        by_event.evaluate(*pair)
    rows = []
    for kind, found in (("segment", segments), ("event", by_event)):
        rows += [(ALL_CLASSES, f"{kind}_{name}", value) for name, value in _overall(found)]
        there = [name for name in classes if found.class_wise[name]["Nref"]]
        by_class = pd.Series(
            {name: _f1(found.class_wise_f_measure(name)) for name in there}, dtype=float
        )
        rows += [(name, f"{kind}_f1", value) for name, value in by_class.items()]
        rows.append((ALL_CLASSES, f"{kind}_macro_f1", by_class.mean()))
    for name, counts in {ALL_CLASSES: segments.overall, **segments.class_wise}.items():
        if counts["Nref"]:
            rows.append((name, "segment_false_positives", counts["Nfp"] / counts["Nref"]))
    return pd.DataFrame(rows, columns=["class", "metric", "value"])


def _by_clip(events: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Clip -> its events as sed_eval takes them."""
    names = {"clip_id": "filename", "class": "event_label", "onset_s": "onset"}
    named = events.rename(columns=names | {"offset_s": "offset"})
    named = named[["filename", "event_label", "onset", "offset"]]
    return {clip_id: rows.to_dict("records") for clip_id, rows in named.groupby("filename")}


def _overall(found: SegmentBasedMetrics | EventBasedMetrics) -> list[tuple[str, float]]:
    score = found.overall_f_measure()
    parts = [("f1", _f1(score)), ("precision", score["precision"]), ("recall", score["recall"])]
    return [*parts, ("error_rate", found.overall_error_rate()["error_rate"])]


def _f1(score: Mapping[str, float]) -> float:
    """Zero, and not NaN, where nothing was found or nothing was right."""
    value = float(score["f_measure"])
    return value if value == value else 0.0

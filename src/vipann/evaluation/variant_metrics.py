"""Scores of variants' networks, of averages of their weights and of ensembles, against any set of
labels: predictions are not made again for another one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.datasets.label_sets import LabelSet, read_label_set
from vipann.evaluation.metrics import metrics_of
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, read_predictions
from vipann.evaluation.retention import retention_table
from vipann.evaluation.score_columns import COLUMNS, ORIGINAL, PER_CLASS_COLUMNS
from vipann.evaluation.supplementary import own_metrics, retention_metrics
from vipann.features.store import FeatureStore
from vipann.files import replacing
from vipann.scores import class_scores


@dataclass(frozen=True)
class Scored:
    """Whose predictions: kind is network, average or ensemble; name "mixup/1", "mixup/1/late" or
    that of the ensemble. An ensemble has neither variant ("") nor seed; epoch: None after the last.
    """

    kind: str
    name: str
    variant: str
    seed: int | None
    epoch: int | None


def variant_metrics(
    predictions: Sequence[tuple[Scored, Path]],
    label_sets: Mapping[str, Path],
    features: Path,
    fractions: Sequence[float],
    bins: int,
    outputs: Mapping[str, Path | str],
) -> None:
    """Write the parquet files "variants" and "per_class".

    label_sets: name -> file (`vipann.datasets.label_sets`), besides the labels that predictions
    hold, "original". Where one says nothing of some clips, the others are scored, and against the
    original labels too, as "original:<name>". features: of the dataset, for its train list.
    "variants" has the columns `COLUMNS`: `clips`, all metrics of `vipann.evaluation.metrics`,
    calibration, proper scores and, with the original labels, retention areas of
    `vipann.evaluation.supplementary`, means over replications. "per_class" has `PER_CLASS_COLUMNS`:
    AP and AUC (NaN where no clip, or every clip, is of the class), and how many clips of the train
    list are of it. Single epochs are scored against the original labels only, not by class.

    Raises:
        UserError: a label set is of other clips or classes.
    """
    sets = {name: read_label_set(path) for name, path in label_sets.items()}
    with FeatureStore(features) as store:
        chosen = store.rows(split="train")
        trained = {ORIGINAL: store.labels[chosen].sum(axis=0)}
        for name, labels in sets.items():
            trained[name] = labels.labels(store.clip_ids[chosen], store.classes).sum(axis=0)
    rows, per_class = [pd.DataFrame(columns=COLUMNS)], [pd.DataFrame(columns=PER_CLASS_COLUMNS)]
    for who, path in predictions:
        is_end = who.epoch is None
        for name, one in scored_against(read_predictions(path), sets if is_end else {}):
            retained = fractions if name == ORIGINAL else ()
            rows.append(described(scores_of(one, retained, bins), who, name, COLUMNS))
            if is_end:
                counts = trained[name.partition(":")[0]]
                frame = class_table(one).assign(train_clips=counts)
                per_class.append(described(frame, who, name, PER_CLASS_COLUMNS))
    for name, frames in (("variants", rows), ("per_class", per_class)):
        table = pd.concat(frames[1:] or frames, ignore_index=True)
        with replacing(outputs[name]) as beside:
            table.to_parquet(beside, index=False)


def scored_against(
    one: Predictions, sets: Mapping[str, LabelSet]
) -> Iterator[tuple[str, Predictions]]:
    """The predictions with the labels of each set, of the clips that it has labels of."""
    yield ORIGINAL, one
    for name, labels in sets.items():
        there = labels.covers(one.clip_id.tolist())
        known = one if there.all() else of_clips(one, there)
        if not there.all():
            yield f"{ORIGINAL}:{name}", known
        yield name, replace(known, labels=labels.labels(known.clip_id.tolist(), one.classes))


def of_clips(one: Predictions, rows: np.ndarray) -> Predictions:
    """The predictions of some clips; rows: (N,) bool."""
    by_clip = {name: getattr(one, name)[rows] for name in ("labels", "clip_id", "recording")}
    values = {name: getattr(one, name)[:, rows] for name in ("mean_probability", *UNCERTAINTIES)}
    return replace(one, **by_clip, **values)


def scores_of(one: Predictions, fractions: Sequence[float], bins: int) -> pd.DataFrame:
    """metric and value, the mean over replications; without fractions, none of retention."""
    frames = [metrics_of(one), own_metrics(one, bins)]
    if fractions:
        frames.append(retention_metrics(retention_table([one], fractions, orders=0)))
    means = pd.concat(frames).groupby("metric", sort=False)["value"].mean()
    means["clips"] = len(one.clip_id)
    return means.reset_index()


def class_table(one: Predictions) -> pd.DataFrame:
    """class, AP and AUC, means over replications."""
    each = [class_scores(one.labels, p) for p in one.mean_probability]
    precisions, areas = np.mean(each, axis=0)
    return pd.DataFrame({"class": list(one.classes), "AP": precisions, "AUC": areas})


def described(
    frame: pd.DataFrame, who: Scored, label_set: str, columns: Sequence[str]
) -> pd.DataFrame:
    """The rows with just `columns`, among them whose they are and by which labels."""
    facts = {"kind": who.kind, "name": who.name, "variant": who.variant, "label_set": label_set}
    for key in ("seed", "epoch"):
        facts[key] = pd.array([getattr(who, key)] * len(frame), dtype="Int64")
    return frame.assign(**facts)[list(columns)]

"""Scores of variants' networks, of averages of their weights and of ensembles, against any set of
labels: predictions are not made again for another one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.metrics import metrics_of
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.retention import retention_table
from vipann.evaluation.supplementary import own_metrics, retention_metrics
from vipann.features.store import FeatureStore
from vipann.files import replacing
from vipann.scores import class_scores

ORIGINAL = "original"
COLUMNS = ["kind", "name", "variant", "seed", "epoch", "label_set", "metric", "value"]
PER_CLASS_COLUMNS = ["kind", "name", "label_set", "class", "AP", "AUC", "train_clips"]


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

    label_sets: name -> file with the columns clip_id and labels (a list of class names), besides
    the labels that predictions hold; features: of the dataset, for its train list. "variants" has
    the columns `COLUMNS`: all metrics of `vipann.evaluation.metrics`, calibration and proper scores
    and retention areas of `vipann.evaluation.supplementary`, means over replications. "per_class"
    has `PER_CLASS_COLUMNS`, of everything but single epochs: AP and AUC (NaN where no clip, or
    every clip, is of the class), and how many clips of the train list are.

    Raises:
        UserError: a label set lacks a clip or has a class that the dataset has not.
    """
    with FeatureStore(features) as store:
        chosen = store.rows(split="train")
        train, ids = store.labels[chosen], store.clip_ids[chosen]
        classes = tuple(store.classes)
    sets = {name: read_label_set(path) for name, path in label_sets.items()}
    trained = {ORIGINAL: train.sum(axis=0)}
    for name, labels in sets.items():
        trained[name] = multi_hot(labels, ids, classes, name).sum(axis=0)
    rows, per_class = [pd.DataFrame(columns=COLUMNS)], [pd.DataFrame(columns=PER_CLASS_COLUMNS)]
    for who, path in predictions:
        one = read_predictions(path)
        for name, counts in trained.items():
            if name != ORIGINAL:
                known = multi_hot(sets[name], one.clip_id, classes, name)
                one = replace(one, labels=known)
            rows.append(_described(scores_of(one, fractions, bins), who, name, COLUMNS))
            if who.epoch is None:
                frame = class_table(one).assign(train_clips=counts)
                per_class.append(_described(frame, who, name, PER_CLASS_COLUMNS))
    for name, frames in (("variants", rows), ("per_class", per_class)):
        table = pd.concat(frames[1:] or frames, ignore_index=True)
        with replacing(outputs[name]) as beside:
            table.to_parquet(beside, index=False)


def scores_of(one: Predictions, fractions: Sequence[float], bins: int) -> pd.DataFrame:
    """metric and value, the mean over replications."""
    retention = retention_metrics(retention_table([one], fractions, orders=0))
    frames = [metrics_of(one), own_metrics(one, bins), retention]
    means = pd.concat(frames).groupby("metric", sort=False)["value"].mean()
    return means.reset_index()


def class_table(one: Predictions) -> pd.DataFrame:
    """class, AP and AUC, means over replications."""
    each = [class_scores(one.labels, p) for p in one.mean_probability]
    precisions, areas = np.mean(each, axis=0)
    return pd.DataFrame({"class": list(one.classes), "AP": precisions, "AUC": areas})


def _described(
    frame: pd.DataFrame, who: Scored, label_set: str, columns: Sequence[str]
) -> pd.DataFrame:
    facts = {"kind": who.kind, "name": who.name, "variant": who.variant, "label_set": label_set}
    for key in ("seed", "epoch"):
        facts[key] = pd.array([getattr(who, key)] * len(frame), dtype="Int64")
    return frame.assign(**facts)[list(columns)]


def read_label_set(path: Path) -> dict[str, list[str]]:
    """clip_id -> names of its classes."""
    table = pd.read_parquet(path, columns=["clip_id", "labels"])
    return dict(zip(table["clip_id"], map(list, table["labels"]), strict=True))


def multi_hot(
    labels: Mapping[str, Sequence[str]], clips: np.ndarray, classes: Sequence[str], name: str
) -> np.ndarray:
    """(N, C) uint8 of these clips.

    Raises:
        UserError: a clip is not in the label set `name`, or a label is no class.
    """
    if lacking := [clip for clip in clips if clip not in labels]:
        raise UserError(
            f"label set {name} is of other clips: it lacks {len(lacking)} of {len(clips)}, "
            f"such as {lacking[0]}"
        )
    place = {name: index for index, name in enumerate(classes)}
    pairs = [(row, label) for row, clip in enumerate(clips) for label in labels[clip]]
    if unknown := sorted({label for _, label in pairs} - place.keys()):
        raise UserError(f"label set {name} has labels that are no class: {', '.join(unknown[:5])}")
    found = np.zeros((len(clips), len(classes)), dtype=np.uint8)
    for row, label in pairs:
        found[row, place[label]] = 1
    return found

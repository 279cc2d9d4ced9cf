"""Scores of variants, against scikit-learn and labels that are another set's."""

from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
from dummies import random_predictions
from sklearn.metrics import average_precision_score, roc_auc_score

from vipann.datasets.label_sets import write_label_set
from vipann.errors import UserError
from vipann.evaluation.predictions import write_predictions
from vipann.evaluation.variant_metrics import Scored, variant_metrics

CLASSES = [f"class{index}" for index in range(4)]
FRACTIONS = [0.5, 1.0]


def write_features(path, one):
    """The clips of the predictions as evaluation list, and three of the train list."""
    train = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1]], np.uint8)
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        ids = [*one.clip_id, "t0", "t1", "t2"]
        file.create_dataset("logmel", data=np.zeros((len(ids), 2, 2), np.float16), chunks=(1, 2, 2))
        file["labels"] = np.concatenate([one.labels, train])
        file.create_dataset("clip_id", data=ids, dtype=text)
        file["fold"] = np.zeros(len(ids), np.int16)
        splits = ["eval"] * len(one.clip_id) + ["train"] * 3
        file.create_dataset("split", data=splits, dtype=text)
        file.create_dataset("recording", data=ids, dtype=text)
        file.attrs.update(features="{}", clip_seconds=1.0, padding="zero", task="multilabel")
        file.attrs.update(classes=str(CLASSES).replace("'", '"'), manifest_sha256="0")
    return path


@pytest.fixture
def scored(tmp_path):
    one = random_predictions(task="multilabel", replications=2, phase="pretrained", fold=0)
    write_predictions(one, tmp_path / "one.h5")
    features = write_features(tmp_path / "features.h5", one)

    def score(labels=None):
        sets = {}
        if labels is not None:
            sets["other"] = tmp_path / "other.parquet"
            frame = pd.DataFrame({"clip_id": list(labels)})
            manifest = SimpleNamespace(frame=frame, classes=CLASSES)
            write_label_set(manifest, list(labels.values()), "turned round", sets["other"])
        outputs = {name: tmp_path / f"{name}.parquet" for name in ("variants", "per_class")}
        whose = [
            (Scored("network", "plain/1", "plain", 1, None), tmp_path / "one.h5"),
            (Scored("network", "plain/1", "plain", 1, 3), tmp_path / "one.h5"),
            (Scored("ensemble", "all", "", None, None), tmp_path / "one.h5"),
        ]
        variant_metrics(whose, sets, features, FRACTIONS, 5, outputs)
        return one, *(pd.read_parquet(path) for path in outputs.values())

    return score


def test_metrics_are_those_of_scikit_learn(scored):
    one, table, _ = scored()
    value = table[table["epoch"].isna() & (table["name"] == "plain/1")].set_index("metric")["value"]
    maps = [average_precision_score(one.labels, p, average="macro") for p in one.mean_probability]
    assert value["mAP"] == pytest.approx(np.mean(maps))
    assert value["brier"] == pytest.approx(((one.mean_probability - one.labels) ** 2).mean())
    assert value["mean_epistemic"] == pytest.approx(one.epistemic.mean())
    assert {"AUC", "d_prime", "ece", "retention_area_total", "mean_total"} <= set(value.index)
    ensemble = table[table["kind"] == "ensemble"]
    assert ensemble["seed"].isna().all()
    assert set(table["epoch"].dropna()) == {3}


def test_classes_have_their_own_scores_and_counts(scored):
    one, _, table = scored()
    assert set(table["name"]) == {"plain/1", "all"}
    own = table[table["name"] == "plain/1"].set_index("class")
    assert list(own.index) == CLASSES
    assert own["train_clips"].tolist() == [2, 1, 0, 1]
    areas = [roc_auc_score(one.labels[:, 2], p[:, 2]) for p in one.mean_probability]
    assert own.loc["class2", "AUC"] == pytest.approx(np.mean(areas))


def other_labels(one, train, lacking=()):
    """The evaluation list with each clip's labels turned round, but for those that lack any."""
    flipped = [[CLASSES[c] for c in np.flatnonzero(1 - row)] for row in one.labels]
    for row in lacking:
        flipped[row] = None
    return dict(zip([*one.clip_id, "t0", "t1", "t2"], [*flipped, *train], strict=True))


def test_another_label_set_scores_the_same_predictions(scored):
    one, *_ = scored()
    _, metrics, per_class = scored(other_labels(one, [["class3"], ["class3"], []]))
    other = metrics[(metrics["label_set"] == "other") & metrics["epoch"].isna()]
    maps = [average_precision_score(1 - one.labels, p) for p in one.mean_probability]
    values = other[other["kind"] == "network"].set_index("metric")["value"]
    assert values["mAP"] == pytest.approx(np.mean(maps))
    assert set(metrics["label_set"]) == {"original", "other"}
    counts = per_class[(per_class["label_set"] == "other") & (per_class["kind"] == "ensemble")]
    assert counts["train_clips"].tolist() == [0, 0, 0, 2]


def test_where_a_set_lacks_clips_the_others_are_scored_against_both(scored):
    one, *_ = scored()
    _, metrics, _ = scored(other_labels(one, [[], [], []], lacking=range(10)))
    rows = metrics[(metrics["kind"] == "ensemble")].set_index(["label_set", "metric"])["value"]
    for name, labels in (("other", 1 - one.labels), ("original:other", one.labels)):
        assert rows[name, "clips"] == 20
        maps = [average_precision_score(labels[10:], p[10:]) for p in one.mean_probability]
        assert rows[name, "mAP"] == pytest.approx(np.mean(maps))
    assert rows["original", "clips"] == 30


def test_a_label_set_of_other_clips_is_refused(scored):
    one, *_ = scored()
    labels = other_labels(one, [[], [], []])
    del labels["c3"]
    with pytest.raises(UserError, match="a label set of other clips: 'c3'"):
        scored(labels)

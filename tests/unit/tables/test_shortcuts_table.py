"""Trivial scores of planted clips against scikit-learn's AUROC, and the table of them."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from vipann.errors import UserError
from vipann.evaluation.detection import SHORTCUTS, shortcut_scores
from vipann.evaluation.metrics import METRIC_COLUMNS
from vipann.papers.vi_pann.tables import shortcuts
from vipann.tables.layout import write_table


def write_clips(path, clips, seed, seconds=5.0, shift=0.0, measures=tuple(SHORTCUTS)):
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.create_dataset("logmel", (clips, 4, 8), np.float16, chunks=(1, 4, 8))
        file["labels"] = np.eye(2, dtype=np.uint8)[np.arange(clips) % 2]
        file["clip_id"] = [f"c{index}" for index in range(clips)]
        file["recording"] = [f"r{index}" for index in range(clips)]
        file["fold"] = (np.arange(clips) % 3).astype(np.int16)
        file["split"] = ["eval" if index % 3 == 0 else "train" for index in range(clips)]
        for name in measures:
            file[name] = np.round(rng.normal(shift, 1, clips), 1).astype(np.float32)
        words = {"task": "multiclass", "padding": "zero", "manifest_sha256": "0" * 64}
        file.attrs.update(
            words, clip_seconds=seconds, features="{}", classes=json.dumps(["a", "b"])
        )
    return path


@pytest.fixture
def planted(tmp_path):
    own = write_clips(tmp_path / "own.h5", 90, 0)
    outside = write_clips(tmp_path / "ships_5s.h5", 40, 1, shift=-1.0)
    rows = [
        ("own", "ships", strategy, "finetuned", fold, 0, f"auroc_{kind}", value)
        for strategy, value in (("flip", 0.95), ("det", 0.6))
        for kind in ("total", "aleatoric", "epistemic")
        for fold in (1, 2)
    ]
    metrics = tmp_path / "own.metrics.parquet"
    pd.DataFrame(rows, columns=METRIC_COLUMNS).to_parquet(metrics)
    return metrics, own, outside


def table_of(metrics, own, outside, names=None):
    sources = {"metrics": [metrics], "own": [own], "outside": [outside]}
    return shortcuts.table(sources, names or {})


def test_scores_are_scikit_learns_over_the_folds_that_were_tested(planted):
    _, own, outside = planted
    frame = shortcut_scores("own", own, outside, [1, 2]).set_index("score")
    assert list(frame.index) == list(SHORTCUTS)
    with h5py.File(own) as mine, h5py.File(outside) as others:
        fold = mine["fold"][()]
        for name in SHORTCUTS:
            areas = []
            for number in (1, 2):
                inside, beside = mine[name][()][fold == number], others[name][()]
                truth = np.repeat([0, 1], [len(inside), len(beside)])
                areas.append(roc_auc_score(truth, np.r_[inside, beside]))
            assert frame.loc[name, "auroc"] == pytest.approx(np.mean(areas))
    assert (frame["separation"] == (1 - frame["auroc"])).all()
    assert (frame["own_clips"] == 60).all()
    assert (frame["ood_clips"] == 40).all()


def test_upstream_clips_are_those_of_the_evaluation_split(planted):
    _, own, outside = planted
    assert set(shortcut_scores("own", own, outside, [0])["own_clips"]) == {30}


def test_the_table_counts_the_uncertainties_that_do_better(planted, tmp_path):
    metrics, own, outside = planted
    frame = table_of(metrics, own, outside).frame
    # Flip's three and two of Det, whose epistemic uncertainty is none.
    assert set(frame["uncertainties"]) == {5}
    expected = [3 * (s < 0.95) + 2 * (s < 0.6) for s in frame["separation"]]
    assert frame["uncertainties_above"].tolist() == expected
    outputs = [tmp_path / f"shortcuts.{kind}" for kind in ("csv", "md", "tex")]
    write_table(table_of(metrics, own, outside, {"own": "Own"}), *outputs)
    page = outputs[1].read_text()
    assert "0.950" in page
    assert "Flip" in page
    assert all(name in page for name in SHORTCUTS.values())


def test_clips_of_another_length_are_refused(planted, tmp_path):
    _, own, _ = planted
    longer = write_clips(tmp_path / "ships_10s.h5", 40, 1, seconds=10.0)
    with pytest.raises(UserError, match=r"5 s.*10 s"):
        shortcut_scores("own", own, longer, [1])


def test_features_without_audio_have_none(planted, tmp_path):
    metrics, own, _ = planted
    vectors = write_clips(tmp_path / "vectors.h5", 40, 1, measures=())
    assert table_of(metrics, own, vectors).frame.empty
    outputs = [tmp_path / f"none.{kind}" for kind in ("csv", "md", "tex")]
    write_table(table_of(metrics, own, vectors), *outputs)
    assert pd.read_csv(outputs[0]).empty

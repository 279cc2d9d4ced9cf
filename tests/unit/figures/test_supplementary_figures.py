"""Reliability diagrams and confusion matrices draw what their csv says."""

import numpy as np
import pandas as pd
import pytest

from vipann.evaluation.diagnostics import CONFUSION_COLUMNS, RELIABILITY_COLUMNS
from vipann.papers.vi_pann.figures import confusion as confusions
from vipann.papers.vi_pann.figures import reliability as reliabilities
from vipann.papers.vi_pann.figures.confusion import confusion_shares
from vipann.papers.vi_pann.figures.reliability import reliability_lines

SUFFIXES = ("png", "pdf", "svg", "csv")


def outputs(folder):
    return {kind: folder / f"figure.{kind}" for kind in SUFFIXES}


def reliability(phases=("fixed", "finetuned"), strategies=("det", "flip")):
    rows = [
        ("own", strategy, phase, low, low + 0.25, cases, low + 0.1, low)
        for strategy in strategies
        for phase in phases
        for low, cases in ((0.75, 6.0), (0.5, 2.0), (0.25, 0.0))
    ]
    return pd.DataFrame(rows, columns=RELIABILITY_COLUMNS)


def confusion(phase="finetuned", classes=("dog", "cat", "hen")):
    rows = [
        ("own", strategy, phase, fold, target, predicted, 3.0 if target == predicted else 0.5)
        for strategy in ("flip", "drop")
        for fold in (1, 2)
        for target in classes
        for predicted in classes
    ]
    return pd.DataFrame(rows, columns=CONFUSION_COLUMNS)


def test_empty_bins_are_not_drawn_and_cases_are_percent():
    lines = reliability_lines(reliability())
    assert len(lines) == 2 * 2 * 2
    assert lines["phase"].drop_duplicates().tolist() == ["fixed", "finetuned"]
    line = lines[(lines["strategy"] == "det") & (lines["phase"] == "fixed")]
    assert line["percent"].tolist() == [25, 75]
    assert line["low"].is_monotonic_increasing


def test_a_matrix_row_sums_up_to_one_over_all_folds():
    shares = confusion_shares(pd.concat([confusion(), confusion("fixed")]))
    assert set(shares["phase"]) == {"finetuned"}
    rows = shares.groupby(["strategy", "target"])["share"].sum()
    assert np.allclose(rows, 1)
    assert shares.loc[0, ["target", "predicted", "clips", "share"]].tolist() == [
        "dog",
        "dog",
        6,
        0.75,
    ]
    assert shares["strategy"].drop_duplicates().tolist() == ["drop", "flip"]


@pytest.mark.parametrize(
    ("module", "frame"),
    [
        (reliabilities, reliability()),
        (reliabilities, reliability(("pretrained",), ("drop",))),
        (reliabilities, reliability()[:0]),
        (confusions, confusion()),
        (confusions, confusion("scratch", [f"class{i}" for i in range(25)])),
        (confusions, confusion()[:0]),
    ],
)
def test_all_four_files_are_written(tmp_path, draw, module, frame):
    frame.to_parquet(tmp_path / "source.parquet")
    files = outputs(tmp_path / "out")
    name = "reliability" if module is reliabilities else "confusion"
    draw(module, name, tmp_path / "source.parquet", files, {"dpi": 50})
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    assert b"<svg" in files["svg"].read_bytes()
    drawn = reliability_lines if module is reliabilities else confusion_shares
    pd.testing.assert_frame_equal(
        pd.read_csv(files["csv"]), drawn(frame), check_dtype=False, check_categorical=False
    )

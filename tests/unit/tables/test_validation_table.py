"""The validation table: planted curves come out by strategy, dataset and phase."""

import json

import pandas as pd
import pytest

from vipann.errors import UserError
from vipann.papers.vi_pann.tables import validation
from vipann.tables.layout import write_table


def sidecar(path, strategy, phase, fold, accuracy):
    chosen = {"epoch": 3, "accuracy": accuracy, "loss": 0.5}
    curve = [chosen, {"epoch": 4, "accuracy": 1.0, "loss": 0.1}]
    found = {"fold": fold % 3 + 1, "chosen": chosen, "curve": curve}
    facts = {"strategy": strategy, "phase": phase, "fold": fold, "validation": found}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts))
    return path


def test_means_and_errors_over_folds(tmp_path):
    planted = {
        ("one", "det", "fixed"): [0.5, 0.7, 0.6],
        ("one", "det", "scratch"): [0.25],
        ("two", "flip", "fixed"): [0.1, 0.3],
    }
    sidecars = [
        sidecar(tmp_path / f"{d}/{s}/fold{fold}/{p}.json", s, p, fold, accuracy)
        for (d, s, p), accuracies in planted.items()
        for fold, accuracy in enumerate(accuracies, start=1)
    ]
    csv, md = tmp_path / "v.csv", tmp_path / "v.md"
    write_table(validation.table({"sidecars": sidecars}), csv, md, tmp_path / "v.tex")
    lines = [" ".join(line.split()) for line in md.read_text().splitlines()]
    assert lines[2] == "| Model | one Fixed | one From scratch | two Fixed |"
    # 0.1 / sqrt(3) and 0.1: standard deviations with n - 1, over sqrt(n).
    assert "| Flip | – | – | 0.200 ± 0.100 |" in lines
    assert "| Det | 0.600 ± 0.058 | 0.250 | – |" in lines
    frame = pd.read_csv(csv)
    assert len(frame) == 6
    assert list(frame["validation_fold"]) == [2, 3, 1, 2, 2, 3]


def test_jobs_that_validated_nothing_are_named(tmp_path):
    path = tmp_path / "fixed.json"
    path.write_text(json.dumps({"strategy": "det", "phase": "fixed", "fold": 1}))
    with pytest.raises(UserError, match=r"fixed\.json: nothing was validated.*next_fold"):
        validation.table({"sidecars": [path]})

"""Runs that differ in their seed, side by side."""

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

import runs


def plant(folder: Path, accuracy: float, verdict: str) -> Path:
    (folder / "tables").mkdir(parents=True)
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "a.tsv").write_text("s\th:m:s\n1800.0\t0:30:00\n")
    cell = {"dataset": "esc10", "strategy": "flip", "phase": "finetuned"}
    score = cell | {"metric": "accuracy", "ours": accuracy, "standard_error": 0.01}
    pd.DataFrame([score]).to_csv(folder / "tables/table4.csv", index=False)
    beyond = [cell | {"metric": m, "value": v, "standard_error": None} for m, v in BEYOND.items()]
    pd.DataFrame(beyond[:1]).to_csv(folder / "tables/calibration.csv", index=False)
    pd.DataFrame(beyond[1:]).to_csv(folder / "tables/ood.csv", index=False)
    claims = [
        {"claim": "a", "dataset": "esc10", "sentence": "A is so.", "verdict": verdict},
        {"claim": "b", "dataset": None, "sentence": "B is so.", "verdict": "holds"},
    ]
    pd.DataFrame(claims).to_csv(folder / "tables/claims.csv", index=False)
    return folder


BEYOND = {"ece": 0.125, "auroc_total": 0.75}


def test_scores_and_verdicts_of_two_seeds_stand_side_by_side(tmp_path):
    first = plant(tmp_path / "results/one", 0.9, "holds")
    second = plant(tmp_path / "results/two", 0.8, "does not hold")
    runs.main([str(first), str(second), "--out", str(tmp_path / "kept")])
    text = (tmp_path / "kept/README.md").read_text().splitlines()
    assert "| esc10 | flip | finetuned | accuracy | 0.900 ± 0.010 | 0.800 ± 0.010 |" in text
    assert "| esc10 | flip | finetuned | ece | 0.125 | 0.125 |" in text
    assert "| esc10 | flip | finetuned | auroc_total | 0.750 | 0.750 |" in text
    assert "1 of 2 verdicts are the same in all runs." in text
    assert "| A is so. | esc10 | holds | does not hold |" in text
    assert any(line.startswith("| one |") and line.endswith("| 0.50 |") for line in text)
    kept = sorted(path.name for path in (tmp_path / "kept/two").iterdir())
    assert kept == ["calibration.csv", "claims.csv", "ood.csv", "table4.csv"]


def test_an_unfinished_run_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        runs.main([str(tmp_path), "--out", str(tmp_path / "kept")])
    assert "has the run finished?" in capsys.readouterr().err

"""The tables beside the paper's hold what the metrics, intervals and confusions say."""

import pandas as pd
import pytest

from vipann.evaluation.diagnostics import CONFUSION_COLUMNS
from vipann.evaluation.metrics import METRIC_COLUMNS
from vipann.evaluation.supplementary import INTERVAL_COLUMNS
from vipann.papers.vi_pann.tables import calibration, ood, per_class
from vipann.tables.layout import write_table

KINDS = ("total", "epistemic", "aleatoric")


def write(tmp_path):
    """Det, with temperature and ensemble, and Flip, fine-tuned on two folds."""
    own, outside = [], []
    for strategy in ("flip", "det"):
        for fold, value in ((1, 0.2), (2, 0.4)):
            scores = {"ece": 0.9, "adaptive_ece": 0.9, "nll": value, "brier": value / 2}
            scores |= {f"retention_area_{kind}": 0.7 + fold / 100 for kind in KINDS}
            if strategy == "det":
                scores |= {"temperature": 1 + fold, "nll_tempered": 0.11, "brier_tempered": 0.12}
            own += [(strategy, fold, metric, v) for metric, v in scores.items()]
            for kind in KINDS:
                detection = {"auroc": value, "aupr": 0.6, "fpr95": 0.3, "mean": 5.0}
                outside += [(strategy, fold, f"{m}_{kind}", v) for m, v in detection.items()]
        pooled = {"ece_pooled": 0.05, "adaptive_ece_pooled": 0.06}
        if strategy == "det":
            pooled |= {"ece_tempered_pooled": 0.03, "adaptive_ece_tempered_pooled": 0.04}
        own += [(strategy, 0, metric, value) for metric, value in pooled.items()]
    outside += [("det_ensemble", 0, f"mean_{kind}", 6.0) for kind in KINDS]
    rows = [
        ("own", scored, strategy, "finetuned", fold, 0, metric, value)
        for scored, chosen in (("own", own), ("ships", outside))
        for strategy, fold, metric, value in chosen
    ]
    intervals = [
        ("own", "own", "flip", "finetuned", "nll", 0.3, 0.25, 0.35, 2, 30, 100),
        ("own", "ships", "flip", "finetuned", "auroc_total", 0.3, 0.2, 0.4, 2, 12, 100),
    ]
    confusion = [
        ("own", "flip", "finetuned", fold, target, predicted, clips)
        for fold in (1, 2)
        for target, predicted, clips in (
            ("dog", "dog", 3.0),
            ("dog", "cat", 1.0),
            ("dog", "hen", 0.5),
            ("cat", "cat", 4.0),
            ("hen", "hen", 0.0),
            ("hen", "cat", 2.0),
        )
    ]
    paths = {}
    for name, table, columns in (
        ("metrics", rows, METRIC_COLUMNS),
        ("intervals", intervals, INTERVAL_COLUMNS),
        ("confusion", confusion, CONFUSION_COLUMNS),
    ):
        paths[name] = [tmp_path / f"{name}.parquet"]
        pd.DataFrame(table, columns=columns).to_parquet(paths[name][0])
    return paths


@pytest.fixture
def paths(tmp_path):
    return write(tmp_path)


def cells(path):
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0], rows[2:]


def test_means_errors_and_intervals_come_from_the_folds(paths):
    frame = calibration.table(paths, {}).frame.set_index(["strategy", "metric"])
    nll = frame.loc["flip", "nll"]
    assert nll["value"] == pytest.approx(0.3)
    assert nll["standard_error"] == pytest.approx(0.1)
    assert (nll["low"], nll["high"]) == (0.25, 0.35)
    assert frame.loc["det", "nll"][["low", "high"]].isna().all()
    assert frame.loc["det", "temperature"]["value"] == pytest.approx(2.5)
    outside = ood.table(paths, {}).frame.set_index(["strategy", "metric"])
    assert outside.loc["flip", "auroc_total"][["value", "low", "high"]].tolist() == (
        pytest.approx([0.3, 0.2, 0.4])
    )


def test_the_calibration_table_has_a_row_for_the_tempered_network(paths, tmp_path):
    out = [tmp_path / f"calibration.{kind}" for kind in ("csv", "md", "tex")]
    write_table(calibration.table(paths, {"own": "ESC-50"}), *out)
    heading, rows = cells(out[1])
    assert heading[3:7] == ["ECE", "Adaptive ECE", "NLL", "Brier"]
    by_model = {row[1]: row[2:] for row in rows}
    assert list(by_model) == ["Flip", "Det", "Det, tempered (T = 2.50)"]
    assert rows[0][0] == "ESC-50"
    # Calibration errors are those of all clips together, not the folds' mean.
    assert by_model["Flip"][1:5] == ["0.050", "0.060", "0.300 ± 0.100", "0.150 ± 0.050"]
    assert by_model["Det, tempered (T = 2.50)"][1:5] == [
        "0.030",
        "0.040",
        "0.110 ± 0.000",
        "0.120 ± 0.000",
    ]
    assert by_model["Flip"][5:] == ["0.715"] * 3
    assert by_model["Det"][5:] == ["0.715", "–", "0.715"]
    assert "tempered" in out[2].read_text()


def test_the_ensemble_has_no_detection_score(paths, tmp_path):
    out = [tmp_path / f"ood.{kind}" for kind in ("csv", "md", "tex")]
    write_table(ood.table(paths, {}), *out)
    _, rows = cells(out[1])
    by_model = {row[1]: row[3:] for row in rows}
    assert by_model["Flip"] == ["0.300", "0.600", "0.300"] * 3 + ["5.000"] * 3
    assert by_model["Det"][3:6] == ["–"] * 3
    assert by_model["Det, ensemble of the folds"] == ["–"] * 9 + ["6.000"] * 3


def test_classes_are_counted_over_all_folds(paths, tmp_path):
    out = [tmp_path / f"per_class.{kind}" for kind in ("csv", "md", "tex")]
    write_table(per_class.table(paths, {}), *out)
    frame = pd.read_csv(out[0], keep_default_na=False).set_index("class")
    assert frame.loc["dog", "clips"] == 9
    assert frame.loc["dog", "accuracy"] == pytest.approx(6 / 9)
    assert frame.loc["dog", "taken_for"] == "cat"
    assert frame.loc["dog", "taken_for_share"] == pytest.approx(2 / 9)
    assert frame.loc["cat", ["accuracy", "taken_for", "taken_for_share"]].tolist() == [1, "", 0]
    assert frame.loc["hen", "accuracy"] == 0
    assert len(frame) == 3
    _, rows = cells(out[1])
    assert rows == [["own", "Flip", "Fine-Tuned", "hen", "0.000", "cat (100%)"]]

"""The table of networks on folds, against means by hand."""

import numpy as np
import pandas as pd
import pytest

from vipann.evaluation.fold_metrics import COLUMNS
from vipann.papers.event_detection.tables.networks import table
from vipann.tables.layout import markdown

ACCURACY = {("m5", 1, 1): [0.5, 0.7], ("m5", 1, 2): [0.9, 0.7], ("m5", 2, 1): [0.4, 0.4]}
ACCURACY |= {("m5", 2, 2): [0.8, 0.6], ("det", 1, 1): [0.5], ("det", 1, 2): [0.6]}


def line(metric, value, variant="m5", seed=1, fold=1, replication=0, **more):
    strategy = "det" if variant == "det" else "drop"
    facts = {"kind": "network", "name": f"{variant}/{seed}", "variant": variant, "seed": seed}
    facts |= {"dataset": "esc10", "scored_dataset": "esc10", "strategy": strategy}
    facts |= {"phase": "scratch", "fold": fold, "replication": replication}
    return facts | {"metric": metric, "value": value} | more


@pytest.fixture
def made(tmp_path):
    lines = [
        line("accuracy", value, variant, seed, fold, replication)
        for (variant, seed, fold), values in ACCURACY.items()
        for replication, value in enumerate(values)
    ]
    lines += [line("auroc_epistemic", 0.8), line("auroc_epistemic", 0.5, "det")]
    lines += [line("parameters", 12345.0, fold=fold) for fold in (1, 2)]
    lines += [line("training_seconds", 10.4), line("training_seconds", 11.4, fold=2)]
    for variant, points in (("talnet", 4321.0), ("conformer", 0.0)):
        flip = {"variant": variant, "strategy": "flip"}
        lines += [line("point_parameters", points, fold=fold, **flip) for fold in (1, 2)]
    nobody = {"kind": "ensemble", "name": "both", "variant": "", "seed": None}
    lines.append(line("accuracy", 0.75, strategy="ensemble", **nobody))
    lines.append(line("mean_total", 1.0, "det", strategy="det_ensemble"))
    path = tmp_path / "metrics.parquet"
    frame = pd.DataFrame(lines)[COLUMNS].astype({"seed": "Int64"})
    frame.to_parquet(path)
    return table({"metrics": [str(path)]}, {"esc10": "ESC-10"})


def test_folds_count_alike_and_their_spread_is_the_error(made):
    rows = made.frame.set_index(["row", "metric"])
    folds = [np.mean([0.5, 0.7, 0.4, 0.4]), np.mean([0.9, 0.7, 0.8, 0.6])]
    own = rows.loc[("m5", "accuracy")]
    assert own["ours"] == pytest.approx(np.mean(folds))
    assert own["standard_error"] == pytest.approx(np.std(folds, ddof=1) / np.sqrt(2))
    assert (own["folds"], own["seeds"]) == (2, 2)
    assert rows.loc[("both", "accuracy"), "ours"] == 0.75


def test_a_deterministic_network_has_no_epistemic_uncertainty(made):
    rows = made.frame.set_index(["row", "metric"])
    assert ("det", "auroc_epistemic") not in rows.index
    assert rows.loc[("m5", "auroc_epistemic"), "ours"] == 0.8


def test_what_is_read(made):
    text = markdown(made)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    rows = {cells[0]: cells[1:] for cells in lines if len(cells) > 1}
    assert rows["Network"] == ["Strategy", "Accuracy", "AUROC Epistemic", "Parameters", "Seconds"]
    assert rows["m5"] == ["Drop", "0.625 ± 0.125", "0.800", "12,345", "11"]
    assert rows["det"] == ["Det", "0.550 ± 0.050", "–", "–", "–"]
    assert rows["both"][:2] == ["Ensemble", "0.750"]
    assert "without a posterior, besides norms, in: talnet (4,321 parameters)." in text


def test_datasets_are_called_by_their_names(made):
    assert made.title == "Networks on the folds of ESC-10"
    assert set(made.frame["dataset"]) == {"esc10"}, "the csv keeps the key"

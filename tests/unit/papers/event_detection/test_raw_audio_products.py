"""Chapter 3's tables and claims, on scores as a run on folds writes them, and on the print."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.claims.ledger import ledger
from vipann.claims.writing import write_claims
from vipann.evaluation.metrics import METRIC_COLUMNS
from vipann.papers.event_detection import printed
from vipann.papers.event_detection.claims import PAPER, chapter3, read_views
from vipann.papers.event_detection.printed import printed_value
from vipann.papers.event_detection.raw_audio import TABLES, results_on_folds
from vipann.registry import load
from vipann.tables.layout import write_table

SEEDS = (1, 2, 3)
# Of three seeds each.
ACCURACY = {
    "m3": (0.50, 0.52, 0.51),
    "m5": (0.60, 0.62, 0.63),
    "m11": (0.70, 0.71, 0.73),
    "m18": (0.62, 0.645, 0.64),
    "m34_res": (0.64, 0.65, 0.66),
    "m5_fc": (0.55, 0.56, 0.57),
    "m34_no_bn": (0.10, 0.11, 0.12),
}
PARAMETERS, SECONDS = 221_194.0, 1234.5
NAMES = {"urbansound8k": "UrbanSound8K"}


def rows_of(variant, seed, accuracy):
    """As `vipann.evaluation.fold_metrics` writes them: two tested folds and replications, the folds
    as one besides, other clips, and what the training cost."""
    who = {"kind": "network", "name": f"{variant}/{seed}", "variant": variant, "seed": seed}
    own = {"dataset": "urbansound8k", "scored_dataset": "urbansound8k", "strategy": "det"}
    own |= {"phase": "scratch"}
    for fold in (9, 10):
        at = who | own | {"fold": fold}
        for replication in (0, 1):
            shift = 0.02 * (fold - 9.5) + 0.01 * (replication - 0.5)
            value = {"metric": "accuracy", "value": accuracy + shift}
            yield at | {"replication": replication} | value
        for metric, value in (("parameters", PARAMETERS), ("training_seconds", SECONDS)):
            yield at | {"replication": 0, "metric": metric, "value": value}
    yield who | own | {"fold": 0, "replication": 0, "metric": "accuracy", "value": 0.0}


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    rows = [
        row
        for variant, values in ACCURACY.items()
        for seed, value in zip(SEEDS, values, strict=True)
        for row in rows_of(variant, seed, value)
    ]
    frame = pd.DataFrame(rows)[["kind", "name", "variant", "seed", *METRIC_COLUMNS]]
    path = tmp_path_factory.mktemp("scores") / "urbansound8k.variants_on_folds.parquet"
    frame.astype({"seed": "Int64"}).to_parquet(path)
    return {"scores": [str(path)]}


def table(number, sources, names=NAMES):
    module = load(f"vipann.papers.event_detection.tables.table{number.replace('.', '_')}")
    return module.table(sources, names, {"urbansound8k": "Street sounds"})


def test_a_score_is_the_mean_over_folds_and_replications(scores):
    results = results_on_folds(scores["scores"])["urbansound8k"]
    found = results.by_seed("m11", "accuracy")
    np.testing.assert_allclose(found.loc[list(SEEDS)], ACCURACY["m11"])
    assert results.by_seed("m11", "training_seconds").tolist() == [SECONDS] * 3


def test_ours_stands_beside_the_thesis_with_a_difference(scores, tmp_path):
    made = table("3.2", scores)
    frame = made.frame.set_index(["row", "metric"])
    own = np.array(ACCURACY["m11"])
    accuracy = frame.loc["M11", "accuracy"]
    assert accuracy["ours"] == pytest.approx(own.mean())
    assert accuracy["standard_deviation"] == pytest.approx(own.std(ddof=1))
    assert accuracy["difference"] == pytest.approx(own.mean() - 0.6907)
    assert frame.loc["M11", "parameters"]["paper"] == 1_800_000  # of Table 3.1
    assert pd.isna(frame.loc["M11", "training_seconds"]["difference"])
    cells = made.cells.loc["M11"]
    assert cells["Accuracy", "ours"] == "71.33% ± 1.53%"
    assert cells["Accuracy", "difference"] == "+2.26%"
    assert cells["Parameters", "ours"] == "221,194"
    assert cells["Training", "thesis, s an epoch"] == "71"
    assert made.cells.loc["M11, stride 1"]["Accuracy", "ours"] == "–"
    write_table(made, *(tmp_path / f"t.{suffix}" for suffix in ("csv", "md", "tex")))
    assert "71.33% ± 1.53%" in (tmp_path / "t.md").read_text()


def test_of_a_part_of_the_dataset_there_is_no_difference(scores):
    made = table("3.5", scores, {"urbansound8k": None})
    assert made.frame["difference"].isna().all()
    assert made.frame["paper"].notna().all()
    assert "Street sounds is not the thesis's UrbanSound8K" in "\n".join(made.notes)


@pytest.mark.parametrize("number", TABLES)
def test_every_table_is_made_of_a_run_that_has_some_or_none_of_it(number, scores):
    assert list(table(number, scores).cells.index) == list(TABLES[number])
    assert table(number, {"scores": []}).frame.empty


@pytest.fixture(scope="module")
def judged(scores):
    named = {"variants": ACCURACY, "averages": {}, "ensembles": {}}
    datasets = {"urbansound8k": {"paper_name": "UrbanSound8K", "training_folds": 9}}
    settings = {"datasets": datasets, "named": named, "upstream": None}
    views = read_views(scores, settings)
    frame = ledger(PAPER, views)
    assert set(chapter3.JUDGES) <= set(frame["claim"])
    return frame.set_index("claim"), views


def test_claims_of_a_run_are_judged_by_their_tests_over_seeds(judged):
    rows, _ = judged
    assert rows.loc["deeper_than_m3", "verdict"] == HOLDS
    # M18 below M11, and the test of the contrary says so.
    assert rows.loc["deeper_is_better_up_to_m18", "verdict"] == FAILS
    better = stats.ttest_rel(ACCURACY["m11"], ACCURACY["m18"], alternative="greater").pvalue
    assert rows.loc["deeper_is_better_up_to_m18", "p"] == pytest.approx(2 * better)
    assert rows.loc["m34_above_shallow", "verdict"] == HOLDS
    assert rows.loc["m34_needs_batch_norm", "verdict"] == HOLDS
    assert rows.loc["receptive_field_of_10_ms", "verdict"] == UNJUDGED
    assert "this run has no m11_srf" in rows.loc["receptive_field_of_10_ms", "numbers"]


def test_the_print_bears_out_all_its_sentences_on_depth(judged):
    """Numbers as the thesis states them in its text, beside its tables."""
    rows, _ = judged
    mine = rows.loc[list(chapter3.JUDGES)]
    assert set(mine["printed_verdict"]) == {HOLDS}
    assert "0.5612 to 0.6342" in mine.loc["deeper_than_m3", "printed_numbers"]


def test_the_ledger_is_written(judged, tmp_path):
    files = [tmp_path / f"claims.{suffix}" for suffix in ("csv", "md", "tex")]
    write_claims(PAPER, judged[1], files, [])
    assert "M34-res still outperforms M3 and M5" in files[1].read_text()


def test_the_printed_numbers_are_those_of_the_text():
    """Section 3.4: differences that the text states of its tables."""
    test = {row: printed_value(t, row, "Test") for t in TABLES for row in TABLES[t]}
    for better, worse, stated in (
        ("M18", "M3", 0.1556),
        ("M11", "M11-srf", 0.0429),
        ("M18", "M18-srf", 0.0613),
    ):
        assert test[better] - test[worse] == pytest.approx(stated)
    slower = [
        printed_value("3.5", f"{row}-fc", "Time") / printed_value("3.2", row, "Time") - 1
        for row in ("M3", "M5", "M11", "M18")
    ]
    # "increase training time by 2 - 95%"
    assert (round(min(slower), 2), round(max(slower), 2)) == (0.02, 0.95)
    with Path(printed.__file__).with_name("tables.csv").open(encoding="utf-8") as stream:
        places = [(line["table"], line["row"], line["column"]) for line in csv.DictReader(stream)]
    assert len(set(places)) == len(places)

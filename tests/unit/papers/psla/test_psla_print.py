"""The paper's printed numbers: each is held against others that it states in print."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from vipann.papers.psla import printed
from vipann.papers.psla.names import ABLATIONS, ARCHITECTURES, COMMITTEES, TYPES
from vipann.papers.psla.printed import paper_value

SETS = ("Balanced", "Full")


def lines():
    with Path(printed.__file__).with_name("tables.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def value(table, row, column):
    found = paper_value(table, row, column)
    assert found is not None, (table, row, column)
    return found


def test_every_table_is_there_and_no_number_twice():
    places = [(line["table"], line["row"], line["column"]) for line in lines()]
    assert len(set(places)) == len(places)
    assert {int(table) for table, _, _ in places} == {0, *range(2, 16)}
    # 6 models x 8; 10 rows; 22 rows, of which the last column is always printed.
    counts = {n: sum(int(table) == n for table, _, _ in places) for n in (12, 13, 14, 11)}
    assert counts == {11: 16 * 4, 12: 14, 13: 6 * 8, 14: 10}


def test_improvements_are_quotients_of_the_printed_scores():
    for name in SETS:
        for row in ARCHITECTURES:
            before, after = (value(13, row, f"{name}/{kind}") for kind in ("No PSLA", "PSLA"))
            assert after / before - 1 == pytest.approx(value(13, row, f"{name}/Imp."), abs=6e-4)
        starts = [value(3, f"{w} Pretraining", name) for w in ("w/", "w/o")]
        said = value(3, "Relative improvement", name)
        assert starts[0] / starts[1] - 1 == pytest.approx(said, abs=6e-4)
        steps = [value(4, row, name) for row in ("+ Mix-up", "Pretraining")]
        said = value(4, "All, relative improvement", name)
        assert steps[0] / steps[1] - 1 == pytest.approx(said, abs=6e-4)
    steps = [value(4, row, "Balanced") for row in ("+ Masking", "Pretraining")]
    said = value(4, "Masking, relative improvement", "Balanced")
    assert steps[0] / steps[1] - 1 == pytest.approx(said, abs=6e-4)
    for kind in TYPES:
        before, after = value(8, "mAP", "No LE"), value(8, "mAP", kind)
        assert after / before - 1 == pytest.approx(value(8, "mAP Improvement", kind), abs=6e-4)


def test_d_prime_is_that_of_the_auc():
    rows = [line for line in lines() if line["table"] == "15" and line["column"].endswith("/d'")]
    rows = [line for line in rows if "deviation" not in line["row"]]
    assert len(rows) == 20
    for line in rows:
        area = value(15, line["row"], line["column"].replace("d'", "AUC"))
        # An area of three or four digits leaves d-prime that much room.
        digits = 5e-5 if round(area, 3) != area else 5.5e-4
        bounds = np.sqrt(2) * stats.norm.ppf([area - digits, area + digits])
        assert bounds[0] - 0.006 <= float(line["value"]) <= bounds[1] + 0.006, line


def test_an_ensemble_is_above_its_best_member_and_that_above_the_mean():
    for name in SETS:
        for row in COMMITTEES:
            if paper_value(11, row, f"{name}/Ensemble mAP") is None:
                assert (name, row) in {("Full", "mixup rate"), ("Full", "mixup-α")}
                continue
            columns = ("Avg mAP", "Best mAP", "Ensemble mAP")
            scores = [value(11, row, f"{name}/{column}") for column in columns]
            assert scores == sorted(set(scores))


def test_means_of_members_are_those_of_the_tables_they_come_from():
    rates = [value(5, rate, "Balanced") for rate in ("0", "0.2", "0.5", "0.8", "1.0")]
    # The paper's members are single runs, its tables means of several.
    assert np.mean(rates) == pytest.approx(value(11, "mixup rate", "Balanced/Avg mAP"), abs=5e-4)
    for name in SETS:
        starts = [value(3, f"{w} Pretraining", name) for w in ("w/", "w/o")]
        assert np.mean(starts) == pytest.approx(value(11, "pretrain", f"{name}/Avg mAP"), abs=6e-5)


def test_tables_that_repeat_a_number_agree():
    four_heads = "EfficientNet-B2, 4-headed Attention"
    for name in SETS:
        ensemble = value(11, "Checkpoints", f"{name}/Ensemble mAP")
        assert ensemble == value(12, "PSLA Model", name) == value(13, four_heads, f"{name}/PSLA")
        single = value(10, "Without Weight Averaging", name)
        assert single == value(12, "- Ensemble", name) == value(11, "Seeds", f"{name}/Avg mAP")
        averaged = value(10, "With Weight Averaging", name)
        assert averaged == value(12, "- Ensemble + WA", name)
        assert averaged == value(15, "Proposed Single Model", f"{name}/mAP")
        baseline = value(15, "Our Baseline", f"{name}/mAP")
        assert (
            baseline == value(13, four_heads, f"{name}/No PSLA") == value(2, "EfficientNet", name)
        )
        for row, kind in (("top5", "68M"), ("all", "Full")):
            best = value(11, row, f"{name}/Ensemble mAP")
            assert best == value(15, f"Proposed {kind} Model", f"{name}/mAP")
    assert value(9, "LE, Mean", "Balanced/Original") == value(8, "mAP", "Type I and II")
    assert value(9, "LE, Mean", "Balanced/Label Added") == value(8, "Label Added", "Type I and II")
    assert value(9, "LE, Mean", "Full/Original") == value(8, "mAP, full", "Type I and II")
    assert value(9, "No LE", "Full/Original") == value(4, "+ Mix-up", "Full")


def test_what_the_text_says_of_table_9_and_of_the_ablations():
    for name in SETS:
        for column in ("ESC-50", "FSD50K", "Mean", "25P", "10P", "5P"):
            without = value(9, "No LE", f"{name}/{column}")
            for row in ("LE, Mean", "LE, 25P", "LE, 10P", "LE, 5P"):
                found = value(9, row, f"{name}/{column}")
                # "Consistently": but for one number of the full set.
                exceptions = {
                    ("Full", "LE, 5P", "ESC-50"),
                    ("Full", "LE, 25P", "Mean"),
                    ("Full", "LE, 10P", "Mean"),
                    ("Full", "LE, 5P", "Mean"),
                    ("Full", "LE, 5P", "25P"),
                }
                assert (found > without) != ((name, row, column) in exceptions)
        for row in ABLATIONS:
            if row.startswith("- ") and (found := paper_value(12, row, name)):
                assert found < value(12, "PSLA Model", name)
    for row in ABLATIONS:
        assert row == "PSLA Model" or value(14, row, "FSD50K") < value(14, "PSLA Model", "FSD50K")


def test_shares_of_speech_are_those_of_the_text():
    kinds = [value(0, f"{kind} Speech", "Balanced") for kind in ("Male", "Female", "Child")]
    assert sum(kinds) / value(0, "Speech", "Balanced") == pytest.approx(0.045, abs=5e-4)
    both = value(0, "Male, Female and Child Speech", "Full") / value(0, "Speech", "Full")
    assert both == pytest.approx(0.037, abs=5e-4)

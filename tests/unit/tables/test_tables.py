"""Tables 3 to 5: planted scores come out, and the paper's numbers only where they belong."""

import csv
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import pytest

from vipann.papers.vi_pann import printed
from vipann.papers.vi_pann.printed import STRATEGY_NAMES, paper_value
from vipann.papers.vi_pann.tables import table3, table4, table5
from vipann.strategies import TRAINED
from vipann.tables.layout import TIDY_COLUMNS, write_table

# (strategy, phase) -> fold -> accuracy in each replication. Means over folds: 0.7, 0.9, 0.6, 0.5.
PLANTED = {
    ("flip", "fixed"): {1: [0.5, 0.7], 2: [0.75, 0.85]},
    ("flip", "finetuned"): {1: [0.9, 0.9], 2: [0.9, 0.9]},
    ("det", "fixed"): {1: [0.55], 2: [0.65]},
    ("drop", "scratch"): {1: [0.4, 0.4], 2: [0.6, 0.6]},
}

COLUMNS = [
    "dataset",
    "scored_dataset",
    "strategy",
    "phase",
    "fold",
    "replication",
    "metric",
    "value",
]


def write_metrics(path, dataset, planted):
    rows = [
        (dataset, scored, strategy, phase, fold, replication, metric, metric_value)
        for (strategy, phase), folds in planted.items()
        for fold, values in folds.items()
        for replication, value in enumerate(values)
        # What the models say on other clips, and other metrics, must not get into the table.
        for scored, metric, metric_value in (
            (dataset, "accuracy", value),
            (dataset, "mean_total", 7.0),
            ("ships", "accuracy", 0.123),
        )
    ]
    pd.DataFrame(rows, columns=COLUMNS).to_parquet(path)
    return path


def write_upstream(path, dataset="events"):
    planted = {
        "flip": {"mAP": [0.4, 0.5], "AUC": [0.96, 0.98], "d_prime": [2.5, 2.7]},
        "det": {"mAP": [0.411], "AUC": [0.9], "d_prime": [2.0], "classes_left_out": [3]},
    }
    rows = [
        (dataset, dataset, strategy, "pretrained", 0, replication, metric, float(value))
        for strategy, metrics in planted.items()
        for metric, values in metrics.items()
        for replication, value in enumerate(values)
    ]
    pd.DataFrame(rows, columns=COLUMNS).to_parquet(path)
    return path


def transfer_table(paths, names):
    return table4.table({"metrics": paths}, names, names).frame


def scratch_table(paths, names):
    return table5.table({"metrics": paths}, names, names).frame


def pretraining_table(path, names):
    return table3.table({"metrics": [path]}, names, names).frame


def write(module, paths, names, files):
    write_table(module.table({"metrics": paths}, names, names), *files)


def outputs(folder, name="table"):
    return [folder / f"{name}.{kind}" for kind in ("csv", "md", "tex")]


def cells(text):
    """Rows of a Markdown table as lists of cells."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in (rows[0], *rows[2:])]


@pytest.fixture
def metrics(tmp_path):
    return write_metrics(tmp_path / "scenes.metrics.parquet", "scenes", PLANTED)


def test_table_4_averages_over_replications_and_then_over_folds(metrics):
    table = transfer_table([metrics], {"scenes": None})
    assert list(table.columns) == TIDY_COLUMNS
    found = table.set_index(["strategy", "phase"])
    # Fold means 0.6 and 0.8.
    assert found.loc[("flip", "fixed"), "ours"] == pytest.approx(0.7)
    expected = stdev([0.6, 0.8]) / 2**0.5
    assert found.loc[("flip", "fixed"), "standard_error"] == pytest.approx(expected)
    assert found.loc[("flip", "finetuned"), "standard_error"] == pytest.approx(0)
    assert found.loc[("det", "fixed"), ["folds", "replications"]].tolist() == [2, 1]
    assert found.loc[("flip", "fixed"), ["folds", "replications"]].tolist() == [2, 2]
    assert set(table["phase"]) == {"fixed", "finetuned"}
    assert list(dict.fromkeys(table["strategy"])) == ["flip", "det"]


def test_folds_count_alike_whatever_their_replications(tmp_path):
    planted = {("flip", "fixed"): {1: [0.0] * 9, 2: [1.0]}}
    path = write_metrics(tmp_path / "m.parquet", "scenes", planted)
    assert transfer_table([path], {})["ours"].tolist() == [0.5]


def test_the_papers_numbers_stand_beside_the_papers_dataset_alone(tmp_path):
    paths = [write_metrics(tmp_path / f"{d}.parquet", d, PLANTED) for d in ("tiny", "esc50")]
    names = {"tiny": None, "esc50": "ESC-50"}
    table = transfer_table(paths, names).set_index(["dataset", "strategy", "phase"])
    assert table.loc["tiny", ["paper", "difference"]].isna().all(axis=None)
    assert table.loc[("esc50", "flip", "fixed"), "paper"] == 0.934
    assert table.loc[("esc50", "flip", "fixed"), "difference"] == pytest.approx(0.7 - 0.934)
    assert table.loc[("esc50", "det", "fixed"), "paper"] == 0.951
    baseline = scratch_table(paths, names).set_index(["dataset", "strategy"])
    assert baseline.loc[("esc50", "drop"), "paper"] == 0.861
    assert pd.isna(baseline.loc[("tiny", "drop"), "paper"])

    write(table4, paths, names, outputs(tmp_path))
    text = outputs(tmp_path)[1].read_text()
    assert cells(text)[:4] == [
        ["Model", "", "tiny Fixed", "tiny Fine-Tuned", "ESC-50 Fixed", "ESC-50 Fine-Tuned"],
        ["Flip", "ours", "0.700 ± 0.100", "0.900 ± 0.000", "0.700 ± 0.100", "0.900 ± 0.000"],
        ["", "paper", "–", "–", "0.934", "0.950"],
        ["", "difference", "–", "–", "-0.234", "-0.050"],
    ]
    assert cells(text)[-1] == ["SOTA", "paper", "", "–", "", "0.984"]
    assert r"SOTA & paper &  & -- &  & 0.984" in outputs(tmp_path)[2].read_text()


def test_without_a_paper_name_no_word_of_the_paper_appears(metrics, tmp_path):
    for module in (table4, table5):
        written = outputs(tmp_path, module.TABLE["number"])
        write(module, [metrics], {"scenes": None}, written)
        tidy = pd.read_csv(written[0])
        assert len(tidy)
        assert tidy[["paper", "difference"]].isna().all(axis=None)
        for path in written[1:]:
            assert "paper" not in path.read_text()
            assert "State of the art" not in path.read_text()
    assert cells(outputs(tmp_path, "4")[1].read_text()) == [
        ["Model", "scenes Fixed", "scenes Fine-Tuned"],
        ["Flip", "0.700 ± 0.100", "0.900 ± 0.000"],
        ["Det", "0.600 ± 0.050", "–"],
    ]


def test_a_single_fold_has_no_standard_error(tmp_path):
    path = write_metrics(tmp_path / "m.parquet", "scenes", {("drop", "fixed"): {1: [0.25, 0.75]}})
    assert transfer_table([path], {})["standard_error"].isna().all()
    write(table4, [path], {}, outputs(tmp_path))
    assert cells(outputs(tmp_path)[1].read_text())[1:] == [["Drop", "0.500"]]
    with outputs(tmp_path)[0].open() as stream:
        assert [row["standard_error"] for row in csv.DictReader(stream)] == [""]


def test_rows_and_columns_come_in_the_papers_order(tmp_path):
    shuffled = {(s, "fixed"): {1: [0.5]} for s in ("det", "drop", "flip", "det_flip")}
    paths = [write_metrics(tmp_path / f"{d}.parquet", d, shuffled) for d in ("zoo", "ant")]
    write(table4, paths, {}, outputs(tmp_path))
    rows = cells(outputs(tmp_path)[1].read_text())
    assert [row[0] for row in rows] == ["Model", "Flip", "Det-Flip", "Drop", "Det"]
    assert rows[0][1:] == ["zoo Fixed", "ant Fixed"]


def test_the_csv_has_full_precision(tmp_path):
    planted = {("flip", "scratch"): {1: [1 / 3], 2: [1 / 7]}}
    path = write_metrics(tmp_path / "m.parquet", "esc50", planted)
    write(table5, [path], {"esc50": "ESC-50"}, outputs(tmp_path))
    with outputs(tmp_path)[0].open() as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["ours"]) == mean([1 / 3, 1 / 7])
    assert float(row["difference"]) == mean([1 / 3, 1 / 7]) - 0.422
    assert (row["table"], row["metric"], row["folds"]) == ("5", "accuracy", "2")


def test_a_run_without_baselines_says_so(tmp_path):
    path = write_metrics(tmp_path / "m.parquet", "scenes", {("flip", "fixed"): {1: [0.5]}})
    write(table5, [path], {}, outputs(tmp_path))
    assert pd.read_csv(outputs(tmp_path)[0]).empty
    for written in outputs(tmp_path)[1:]:
        assert "no result for this table" in written.read_text()


def test_table_3_has_the_papers_numbers_for_audioset_alone(tmp_path):
    path = write_upstream(tmp_path / "m.parquet")
    for name in (None, "ESC-50"):
        table = pretraining_table(path, {"events": name})
        assert table[["paper", "difference"]].isna().all(axis=None)
    found = pretraining_table(path, {"events": "AudioSet"}).set_index(["strategy", "metric"])
    assert found.index.tolist() == [
        (strategy, metric) for strategy in ("det", "flip") for metric in ("mAP", "AUC", "d_prime")
    ]
    assert found.loc[("flip", "mAP"), "ours"] == pytest.approx(0.45)
    assert found.loc[("flip", "mAP"), "difference"] == pytest.approx(0.45 - 0.415)
    assert found.loc[("flip", "d_prime"), "paper"] == 2.708
    assert found["standard_error"].isna().all()


def test_table_3_as_text(tmp_path):
    path = write_upstream(tmp_path / "m.parquet")
    write(table3, [path], {"events": None}, outputs(tmp_path))
    assert cells(outputs(tmp_path)[1].read_text()) == [
        ["Model", "mAP", "AUC", "d-prime"],
        ["Det", "0.411", "0.900", "2.000"],
        ["Flip", "0.450", "0.970", "2.600"],
    ]
    write(table3, [path], {"events": "AudioSet"}, outputs(tmp_path))
    rows = cells(outputs(tmp_path)[1].read_text())
    assert rows[2:4] == [
        ["", "paper", "0.418", "0.973", "2.732"],
        ["", "difference", "-0.007", "-0.073", "-0.732"],
    ]
    assert rows[-1] == ["ResNet-54 PANN [1]", "paper", "0.429", "0.971", "2.675"]


def test_latex_has_as_many_cells_in_every_row_and_no_bare_special_character(tmp_path):
    names = {"scene_set": None, "esc50": "ESC-50"}
    paths = [write_metrics(tmp_path / f"{name}.parquet", name, PLANTED) for name in names]
    write(table4, paths, names, outputs(tmp_path))
    text = outputs(tmp_path)[2].read_text()
    assert r"\multicolumn{2}{c}{scene\_set} & \multicolumn{2}{c}{ESC-50}" in text
    rows = [
        line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line
    ]
    assert {row.count("&") for row in rows} == {5}
    assert r"0.700 $\pm$ 0.100" in text
    assert "$-$0.234" in text
    assert "±" not in text


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [
        (1, "ESC-50/Flip", "Params", 206_620_004),
        (1, "DCASE2013/Flip", "MACs", 160_695_176_040),
        (2, "UrbanSound8K", "Num Clips", 8732),
        (2, "DCASE2013", "Duration", 30),
        (3, "ResNet-54 PANN [1]", "d-prime", 2.675),
        (3, "Drop", "AUC", 0.975),
        (4, "Det-Flip", "DCASE2013/fixed", 0.79),
        (4, "Det", "UrbanSound8K/finetuned", 0.87),
        (4, "SOTA", "DCASE2013", 0.916),
        (5, "Flip", "DCASE2013", 0.4),
        (5, "Det", "ESC-50", 0.858),
        (4, "Flip", "ShipsEar/fixed", None),
        (5, "SOTA", "ESC-50", None),
    ],
)
def test_numbers_of_the_paper(table, row, column, value):
    assert paper_value(table, row, column) == value


def test_the_papers_tables_are_complete_and_consistent():
    path = Path(printed.__file__).with_name("tables.csv")
    frame = pd.read_csv(path)
    assert list(frame.columns) == ["table", "row", "column", "value", "note"]
    assert not frame.duplicated(["table", "row", "column"]).any()
    # 9 models x 2; 3 sets x 4; 4 models x 3; 4 models x 6 and 3 SOTA; 4 models x 3.
    assert frame.groupby("table").size().to_dict() == {1: 18, 2: 12, 3: 12, 4: 27, 5: 12}
    # The paper says so in words: fine-tuned beats fixed, and both beat training from scratch.
    for strategy in (STRATEGY_NAMES[name] for name in TRAINED):
        for dataset in ("ESC-50", "UrbanSound8K", "DCASE2013"):
            scratch = paper_value(5, strategy, dataset)
            fixed, tuned = (
                paper_value(4, strategy, f"{dataset}/{phase}") for phase in ("fixed", "finetuned")
            )
            assert scratch < fixed < tuned

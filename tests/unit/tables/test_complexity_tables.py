"""Table 1 from planted counts: integers stay whole, and differences are ours minus the paper's."""

import pandas as pd
import pytest

from vipann.papers.vi_pann.printed import paper_value
from vipann.papers.vi_pann.tables import table1, table1_parts, table1_variants
from vipann.papers.vi_pann.tables.table1_parts import PART_NAMES
from vipann.tables.layout import write_table

FLIP = paper_value(1, "DCASE2013/Flip", "MACs")


@pytest.fixture
def counts(tmp_path):
    path = tmp_path / "counts.csv"
    networks = [
        ("1", "ESC-50", "drop", 50, 5.0, 103_340_786, 13_536_497_600),
        ("1", "DCASE2013", "drop", 10, 30.0, 103_258_827, 81_862_378_176 - 1_234_567),
        ("1", "DCASE2013", "flip", 10, 30.0, 206_456_084, int(FLIP) + 1),
        ("1_variants", "UrbanSound8K", "drop", 10, 4.0, 103_258_826, 10_000_000_000),
        ("1_variants", "AudioSet", "det", 527, 10.0, 104_318_159, 2**53 + 1),
    ]
    names = ["table", "dataset", "strategy", "classes", "clip_seconds", "parameters", "macs"]
    frame = pd.DataFrame(networks, columns=names)
    for index, part in enumerate([*PART_NAMES][1:]):
        frame[part] = frame["macs"] // 2 ** (index + 1)
    frame.to_csv(path, index=False)
    return path


def written(counts, module):
    paths = [counts.with_name(f"table.{kind}") for kind in ("csv", "md", "tex")]
    write_table(module.table({"counts": [counts]}), *paths)
    lines = paths[1].read_text().splitlines()
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    return pd.read_csv(paths[0]), [rows[0], *rows[2:]], paths[2].read_text()


def test_table_1_has_ours_the_papers_and_the_difference(counts):
    csv, rows, tex = written(counts, table1)
    cells = csv.set_index(["dataset", "strategy", "metric"])
    assert cells.loc[("ESC-50", "drop", "MACs"), "difference"] == 0
    assert cells.loc[("DCASE2013", "flip", "MACs"), "ours"] == 160_695_176_041
    assert cells.loc[("DCASE2013", "flip", "MACs"), "paper"] == 160_695_176_040
    assert cells.loc[("DCASE2013", "drop", "Params"), "difference"] == 1
    assert set(csv["dataset"]) == {"ESC-50", "DCASE2013"}
    three = ("ours", "paper", "difference")
    assert rows[0][2:] == [f"{metric} {kind}" for metric in ("Params", "MACs") for kind in three]
    same = ["103,340,786", "103,340,786", "0", "13,536,497,600", "13,536,497,600", "0"]
    assert rows[1] == ["ESC-50", "Drop", *same]
    assert rows[2][:2] == ["DCASE2013", "Drop"]
    assert (rows[2][4], rows[2][7]) == ("+1", "-1,234,567")
    assert rows[3][:2] == ["", "Flip"]
    assert r"\multicolumn{3}{c}{MACs}" in tex
    assert "$-$1,234,567" in tex


def test_variants_stand_beside_what_table_1_prints_for_its_own_length(counts):
    csv, rows, _ = written(counts, table1_variants)
    macs = ["10,000,000,000", "13,536,333,760", "-3,536,333,760"]
    assert rows[1:] == [
        ["UrbanSound8K, 4 s", "Drop", "103,258,826", *macs],
        ["AudioSet, 10 s", "Det", "104,318,159", "9,007,199,254,740,993", "–", "–"],
    ]
    assert csv[csv["dataset"] == "AudioSet"][["paper", "difference"]].isna().all(axis=None)


def test_counts_beyond_the_reach_of_floats_stay_exact(counts):
    assert 2**53 + 1 in table1.sizes(counts, "1_variants")["ours"].tolist()


def test_parts_are_there_for_every_network(counts):
    csv, rows, tex = written(counts, table1_parts)
    assert list(csv.columns[-len(PART_NAMES) :]) == list(PART_NAMES)
    assert [row[0] for row in rows[1:]] == [
        "ESC-50, 5 s",
        "DCASE2013, 30 s",
        "",
        "UrbanSound8K, 4 s",
        "AudioSet, 10 s",
    ]
    assert rows[1][2:4] == ["13,536,497,600", "6,768,248,800"]
    body = [line for line in tex.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in body} == {len(PART_NAMES) + 1}

"""Tables as pages, names of results, and the run's index, read back as a browser would."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.papers.vi_pann.figures import FIGURES
from vipann.report.index import write_index
from vipann.report.names import (
    BEYOND,
    figure_category,
    figure_label,
    kind_and_dataset,
    table_category,
    table_label,
)
from vipann.report.pages import page, write_page

TABLE = (
    "**Table 4: accuracy**\n\n| Model |  | ESC |\n|:--|:--|--:|\n| Flip | ours | 0.500 ± 0.1 |\n"
)


class Reader(HTMLParser):
    """Cells of each table, and the references of links, images, scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.references, self.title, self._inside = [], [], "", ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._inside = tag
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        self.references += [v for k, v in attributes if k in ("href", "src") and tag != "a"]

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self._inside == "title":
            self.title += data


def test_a_page_has_the_tables_cells_and_loads_nothing(tmp_path):
    (tmp_path / "table4.md").write_text(TABLE + "| | paper | – |\n\nA note.\n")
    write_page(tmp_path / "table4.md", tmp_path / "table4.html")
    read = Reader((tmp_path / "table4.html").read_text())
    assert read.tables == [
        [["Model", "", "ESC"], ["Flip", "ours", "0.500 ± 0.1"], ["", "paper", "–"]]
    ]
    assert read.title == "Table 4: accuracy"
    assert read.references == []
    assert "A note." in (tmp_path / "table4.html").read_text()


@given(st.text("abc<>&\"' ", min_size=1, max_size=12).filter(str.strip))
def test_text_of_a_cell_is_never_markup(text):
    shown = Reader(page(f"| a |\n|:--|\n| {text} |\n", "t")).tables[0][1][0]
    assert shown.strip() == text.strip()


def test_long_cells_may_break_and_short_ones_stay_in_one_line():
    assert 'class="wide short"' in page(TABLE, "t")
    assert "short" not in page(TABLE.replace("Flip", "word " * 20), "t").partition("<body>")[2]


def test_figures_have_the_papers_number_only_for_the_papers_dataset():
    numbers = [
        figure_label(kind, name, name == "AudioSet")
        for kind, names in FIGURES.items()
        for name in names
    ]
    assert sorted(int(label.split(":")[0].removeprefix("Figure")) for label in numbers) == [
        *range(1, 12)
    ]
    assert figure_label("retention", None, True).startswith("Like Figure 1:")
    assert figure_label("boxplot", None, False).startswith("Like Figures 5, 8, 11:")
    assert figure_label("some_curves", "ESC-50", False) == "Some curves"


def test_results_are_sorted_into_categories_by_their_names():
    assert [figure_category(k) for k in ("phases", "retention", "boxplot")] == ["Figures"] * 3
    assert figure_category("learning_curves") == "Training"
    assert figure_category("reliability") == BEYOND
    assert table_category("table1_parts") == "Tables"
    assert (table_category("claims"), table_category("calibration")) == ("Claims", BEYOND)
    assert table_label("per_class_accuracy") == "Per class accuracy"


def test_a_figures_dataset_is_the_longest_that_its_name_ends_with():
    datasets = ["scenes", "my_scenes"]
    assert kind_and_dataset("boxplot_my_scenes", datasets) == ("boxplot", "my_scenes")
    assert kind_and_dataset("boxplot_scenes", datasets) == ("boxplot", "scenes")
    assert kind_and_dataset("overview", datasets) == ("overview", "")


FACTS = {
    "run": "planted",
    "upstream": "events",
    "transfer_datasets": ["esc50", "own"],
    "ood": "ships",
    "strategies": ["flip", "det"],
    "mc_samples": 5,
    "replications": 20,
    "paper_names": {"events": "AudioSet", "esc50": "ESC-50", "own": None, "ships": "ShipsEar"},
    "notes": ["Flip is another thing here."],
}


@pytest.fixture
def index(tmp_path):
    """(lines of the index, results) of a planted run, whose files come in no useful order."""
    stems = {
        "tables": ["ood", "table4", "claims"],
        "figures": [
            "boxplot_own",
            "learning_esc50",
            "boxplot_esc50",
            "phases_esc50",
            "retention_events",
        ],
    }
    kinds = {"tables": ("csv", "md", "tex"), "figures": ("png", "pdf", "svg", "csv")}
    results = {
        folder: [
            f"{tmp_path}/{folder}/{stem}.{kind}" for stem in stems[folder] for kind in kinds[folder]
        ]
        for folder in stems
    }
    results["notebooks"] = [f"{tmp_path}/notebooks/claims.{kind}" for kind in ("ipynb", "html")]
    results["summaries"] = [f"{tmp_path}/manifests/own.summary.{kind}" for kind in ("csv", "md")]
    results["metrics"] = [f"{tmp_path}/metrics/own.retention.parquet"]
    (tmp_path / "tables").mkdir()
    for stem in stems["tables"]:
        text = TABLE if stem == "table4" else f"| x |\n|--|\n| cell of {stem} |\n"
        (tmp_path / f"tables/{stem}.md").write_text(text)
    write_index(tmp_path, results, FACTS, tmp_path / "index.md", tmp_path / "index.html")
    return (tmp_path / "index.md").read_text().splitlines(), results


def test_every_result_has_a_link_in_the_index(index, tmp_path):
    lines, results = index
    assert "Flip is another thing here." in lines
    text = "\n".join(lines)
    for path in (path for paths in results.values() for path in paths):
        assert f"]({path.removeprefix(f'{tmp_path}/')})" in text
    assert str(tmp_path) not in text, "the folder can be moved"


def test_sections_and_figures_come_in_the_papers_order(index):
    lines, _ = index
    assert [line for line in lines if line.startswith("## ")] == [
        *("## Claims", "## Tables", "## Figures", "## Training", f"## {BEYOND}"),
        *("## Notebooks", "## Datasets", "## Where the numbers come from"),
    ]
    assert [
        line.split(":")[0].replace("\u2007", "")
        for line in lines
        if "### " in line and "igure" in line
    ] == [
        *("### Figure 1", "### Figure 6", "### Figure 8", "### Like Figures 5, 8, 11"),
    ]


def test_tables_stand_in_the_index_under_their_own_title(index):
    lines, _ = index
    assert "### Table 4: accuracy" in lines
    assert "**Table 4: accuracy**" not in lines
    assert lines.index("### Table 4: accuracy") < lines.index("| Flip | ours | 0.500 ± 0.1 |")
    assert "| cell of ood |" in lines
    assert "pretrained on AudioSet, moved to ESC-50, own" in lines[2]


def test_the_page_of_the_index_has_the_same_tables(index, tmp_path):
    read = Reader((tmp_path / "index.html").read_text())
    assert read.tables[0][1:] == [["cell of claims"]]
    assert len(read.tables) == 3
    assert len(read.references) == 5, "five pictures and nothing else is loaded"

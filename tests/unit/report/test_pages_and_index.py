"""Tables as pages, and the run's index, read back as a browser would."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.report.index import write_index
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


FACTS = {
    "run": "planted",
    "upstream": "events",
    "transfer_datasets": ["esc50", "own"],
    "ood": "ships",
    "strategies": ["flip", "det"],
    "sampled": "5 times",
    "replications": 20,
    "paper_names": {"events": "AudioSet", "esc50": "ESC-50", "own": None, "ships": "ShipsEar"},
    "notes": ["Flip is another thing here."],
}


KINDS = {"tables": ("csv", "md", "tex"), "figures": ("png", "pdf", "svg", "csv")}
SECTIONS = [
    ("Claims", [("Claims, judged", "tables/claims")]),
    ("Tables", [("Table 4: accuracy after transfer", "tables/table4")]),
    ("Figures", [("Figure 1: score (AudioSet)", "figures/retention_events")]),
    ("Supplementary", [("Detection", "tables/ood"), ("Confusion", "figures/confusion_own")]),
]


@pytest.fixture
def index(tmp_path):
    """(lines of the index, links that it must have) of a planted run."""
    sections = [
        (title, [(label, files_of(stem)) for label, stem in items]) for title, items in SECTIONS
    ]
    others = {
        "notebooks": [f"notebooks/claims.{kind}" for kind in ("ipynb", "html")],
        "summaries": [f"manifests/own.summary.{kind}" for kind in ("csv", "md")],
        "metrics": ["metrics/own.retention.parquet"],
    }
    (tmp_path / "tables").mkdir()
    for stem in ("ood", "table4", "claims"):
        text = TABLE if stem == "table4" else f"| x |\n|--|\n| cell of {stem} |\n"
        (tmp_path / f"tables/{stem}.md").write_text(text)
    paths = {kind: [tmp_path / path for path in files] for kind, files in others.items()}
    write_index(sections, paths, FACTS, tmp_path / "index.md", tmp_path / "index.html")
    links = [path for _, items in sections for _, files in items for path in files]
    links += [path for files in others.values() for path in files]
    return (tmp_path / "index.md").read_text().splitlines(), links


def files_of(stem):
    return [f"{stem}.{kind}" for kind in KINDS[stem.partition("/")[0]]]


def test_every_result_has_a_link_in_the_index(index, tmp_path):
    lines, links = index
    assert "Flip is another thing here." in lines
    text = "\n".join(lines)
    assert not [path for path in links if f"]({path})" not in text]
    assert str(tmp_path) not in text, "the folder can be put elsewhere"


def test_sections_come_in_their_order(index):
    lines, _ = index
    assert [line for line in lines if line.startswith("## ")] == [
        *("## Claims", "## Tables", "## Figures", "## Supplementary"),
        *("## Notebooks", "## Datasets", "## Where the numbers come from"),
    ]


def test_tables_stand_in_the_index_under_their_own_title(index):
    lines, _ = index
    assert "### Table 4: accuracy" in lines
    assert "**Table 4: accuracy**" not in lines
    assert lines.index("### Table 4: accuracy") < lines.index("| Flip | ours | 0.500 ± 0.1 |")
    assert "| cell of ood |" in lines
    assert "pretrained on AudioSet, transferred to ESC-50, own" in lines[2]


def test_what_an_earlier_config_left_is_named(tmp_path):
    shown = ("tables/table4.md", "tables/asked_for.md", "figures/.x.partial")
    for name in ("tables/table5.md", "figures/old.png", *shown):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TABLE)
    others = {"notebooks": [], "summaries": [], "metrics": []}
    sections = [("Tables", [("Table 4", ["tables/table4.md"])])]
    facts = FACTS | {"on_request": ["tables/asked_for.md"]}
    write_index(sections, others, facts, tmp_path / "index.md", tmp_path / "index.html")
    after = (tmp_path / "index.md").read_text().partition("## Left from before")[2]
    assert [line for line in after.splitlines() if line.startswith("- ")] == [
        "- `tables/table5.md`",
        "- `figures/old.png`",
    ]


def test_the_page_of_the_index_has_the_same_tables(index, tmp_path):
    read = Reader((tmp_path / "index.html").read_text())
    assert read.tables[0][1:] == [["cell of claims"]]
    assert len(read.tables) == 3
    assert len(read.references) == 2, "two pictures and nothing else is loaded"


def test_networks_that_only_see_folds_are_not_called_pretrained(tmp_path):
    facts = FACTS | {"upstream": None, "strategies": [], "variants_on_folds": ["m5", "m11"]}
    others = {"notebooks": [], "summaries": [], "metrics": []}
    write_index([], others, facts, tmp_path / "index.md", tmp_path / "index.html")
    text = (tmp_path / "index.md").read_text()
    assert "Networks trained on the folds of ESC-50, own: m5, m11; ShipsEar is out of" in text
    assert "pretrained" not in text

"""Tables as pages, and the run's index, read back as a browser would."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED, counted
from vipann.report.first_page import write_first_page
from vipann.report.front import verdicts
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
    "strategies": ["Flip", "Det"],
    "sampled": "5 times",
    "replications": 20,
    "names": {"events": "AudioSet", "esc50": "ESC-50", "own": "Own clips", "ships": "ShipsEar"},
    "notes": ["Flip is another thing here."],
    "front": {"tables": [], "figures": [], "claims": []},
}
LEDGER = pd.DataFrame(
    [
        [
            "a",
            "4.2, 5",
            "Flip <wins>.",
            "own",
            HOLDS,
            "0.2 to 0.3",
            "t",
            0.01,
            0.02,
            0.1,
            0.05,
            0.15,
        ],
        ["b", "1", "Det wins.", "own", FAILS, "0.3 to 0.2", "t", 0.2, 0.4, -0.1, -0.3, 0.1],
        ["c", "", "All is new.", "", UNJUDGED, "on the literature", "", *[None] * 5],
    ],
    columns=[
        *("claim", "section", "sentence", "dataset", "verdict", "numbers", "test", "p", "p_holm"),
        *("effect", "effect_low", "effect_high"),
    ],
).assign(printed_verdict="holds", printed_numbers="0.95", rule="The rule of it.")
FRONT = {
    "tables": [["Table 4", [f"tables/table4.{kind}" for kind in ("csv", "md", "tex")]]],
    "figures": [["Figure 1: score (AudioSet)", ["figures/retention_events.png"]]],
    "claims": [["VI-PANN", [f"tables/claims.{kind}" for kind in ("csv", "md", "tex")]]],
}


KINDS = {"tables": ("csv", "md", "tex"), "figures": ("png", "pdf", "svg", "csv")}
SECTIONS = [
    (
        "Tables",
        [("Table 4: accuracy after transfer", "tables/table4"), ("Another", "tables/other")],
    ),
    ("Claims", [("Claims, judged", "tables/claims")]),
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
    for stem in ("ood", "table4", "claims", "other"):
        text = f"{TABLE}\nA note.\n" if stem == "table4" else f"| x |\n|--|\n| cell of {stem} |\n"
        (tmp_path / f"tables/{stem}.md").write_text(
            f"**Claims**\n\n{text}" * (stem == "claims") or text
        )
    LEDGER.to_csv(tmp_path / "tables/claims.csv", index=False)
    paths = {kind: [tmp_path / path for path in files] for kind, files in others.items()}
    facts = FACTS | {"front": FRONT}
    write_index(sections, paths, facts, tmp_path / "index.md", tmp_path / "index.html")
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


def test_the_index_opens_with_headline_figures_and_verdicts_and_then_has_its_sections(index):
    lines, _ = index
    assert [line for line in lines if line.startswith("## ")] == [
        *("## Table 4: accuracy", "## Tables", "## Claims", "## Figures", "## Supplementary"),
        *("## Notebooks", "## Datasets", "## Where the numbers come from"),
    ]
    opening = lines[: lines.index("## Tables")]
    assert "| Flip | ours | 0.500 ± 0.1 |" in opening
    assert "| ![Figure 1: score (AudioSet)](figures/retention_events.png) |" in opening
    assert "Claims of VI-PANN: 1 holds, 1 does not hold, 1 cannot be judged." in opening
    assert "| Flip | ours | 0.500 ± 0.1 |" not in lines[len(opening) :], "it stands once"


def test_tables_stand_in_the_index_under_their_own_title(index):
    lines, _ = index
    assert "**Table 4: accuracy**" not in lines
    assert lines.index("### Another") < lines.index("| cell of other |")
    assert "| cell of ood |" in lines
    assert "transferred to ESC-50, Own clips by the strategies Flip, Det;" in lines[2]


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


def test_the_page_of_the_index_shows_each_claim_with_its_verdict_and_effect(index, tmp_path):
    text = (tmp_path / "index.html").read_text()
    read = Reader(text)
    assert read.tables[0][1] == ["Flip", "ours", "0.500 ± 0.1"]
    assert [len(table) - 1 for table in read.tables] == [1, 1, 2, 1, 1]
    assert len(read.references) == 3, "the pictures, one of them in front, and nothing else"
    assert "Flip &lt;wins&gt;." in text
    assert "§&nbsp;4.2, 5" in text
    assert [row[1:3] for row in read.tables[2][1:]] == [
        ["Own clips", "✓ holds"],
        ["Own clips", "✗ does not hold"],
    ]
    effects = ("</svg>+0.1 [+0.05, +0.15]", "</svg>-0.1 [-0.3, +0.1]")
    for below in (
        *effects,
        "0.2 to 0.3",
        "p = 0.01, adjusted by Holm p = 0.02",
        "The rule of it.",
        "0.95",
    ):
        assert below in text
    judged, folded, unjudged = text.partition("1 cannot be judged by this run, and why")
    assert folded
    assert "Det wins." in judged
    assert "on the literature" in unjudged


def test_a_bar_lies_where_its_interval_does(index, tmp_path):
    text = (tmp_path / "index.html").read_text()
    bars = re.findall(r'class="effect (\w+)".*?x1="([\d.]+)" x2="([\d.]+)" y1="7', text)
    kinds = [kind for kind, _, _ in bars]
    (low, high), (below, above) = [(float(a), float(b)) for _, a, b in bars]
    assert kinds == ["holds", "open"]
    assert 60 < low < high <= 120, "an interval above zero lies right of the middle, as far from it"
    assert (high - 60) / (low - 60) == pytest.approx(3, abs=0.05)
    assert below < 60 < above
    assert (60 - below) / (above - 60) == pytest.approx(3, abs=0.05)


def test_networks_that_only_see_folds_are_not_called_pretrained(tmp_path):
    facts = FACTS | {"upstream": None, "strategies": [], "variants_on_folds": ["m5", "m11"]}
    others = {"notebooks": [], "summaries": [], "metrics": []}
    write_index([], others, facts, tmp_path / "index.md", tmp_path / "index.html")
    text = (tmp_path / "index.md").read_text()
    assert "Networks trained on the folds of ESC-50, Own clips: m5, m11; ShipsEar is out of" in text
    assert "pretrained" not in text


NOTHING_ELSE = {"notebooks": [], "summaries": [], "metrics": []}
SUMMARY = """dataset,what,name,split,fold,clips,hours,hz
own,all,,,1,8,0.1,0
own,class,owl,,1,4,0.1,0
own,class,owl,,2,4,0.1,0
own,class,wren,,1,4,0.1,0
own,class,tit,,1,4,0.1,0
own,class,jay,,1,4,0.1,0
own,missing,no such file,,,1,0,0
"""


def written(folder, **facts):
    """Index of a run without results, as Markdown and as a page."""
    write_index([], NOTHING_ELSE, FACTS | facts, folder / "index.md", folder / "index.html")
    return [(folder / f"index.{kind}").read_text() for kind in ("md", "html")]


def test_the_words_for_the_runs_own_networks_are_said_and_no_others(tmp_path):
    text, page = written(tmp_path, terms=["fixed", "drop"])
    assert "- **Drop**: dropout stays on at test time (MC dropout)" in text
    assert text.index("**Drop**") < text.index("**Fixed**") < text.index("**Epistemic")
    assert "Flip**" not in text
    folded = re.search(r"<details[^>]*><summary>What is meant by Drop, Fixed, .*?</details>", page)
    assert "<dt>Fixed</dt><dd>only a new head is trained" in folded[0]
    assert all("What is meant" not in one for one in written(tmp_path))


def test_guessing_is_right_once_in_as_many_clips_as_there_are_classes(tmp_path):
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/own.summary.csv").write_text(SUMMARY)
    for text in written(tmp_path, one_label=["own", "esc50"]):
        # Of ESC-50 there is no summary.
        assert "Guessing would give an accuracy of 0.250 on Own clips (4 classes)." in text
    assert "Guessing" not in written(tmp_path)[0]


def test_claims_judged_on_synthetic_sounds_say_so():
    one = verdicts({"VI-PANN": LEDGER}, "claims", synthetic=True)
    for text in (one.markdown, one.html):
        assert ", on synthetic sounds, which say nothing of the paper." in text
    assert "synthetic" not in verdicts({"VI-PANN": LEDGER}, "claims").markdown


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (HOLDS, ["0 hold", "1 holds", "4 hold"]),
        (FAILS, ["0 do not hold", "1 does not hold", "4 do not hold"]),
        (UNJUDGED, ["0 cannot be judged", "1 cannot be judged", "4 cannot be judged"]),
    ],
)
def test_one_claim_holds_and_several_hold(verdict, words):
    assert [counted(verdict, n) for n in (0, 1, 4)] == words


def test_the_report_that_may_not_be_there_comes_with_how_to_make_it(tmp_path):
    text, _ = written(tmp_path)
    assert "once it is made" in text
    assert "`--report results/planted/report.html --report-stylesheet" in text


def test_the_reports_first_page_ends_with_the_words(tmp_path):
    write_first_page(tmp_path, [], tmp_path / "first.html", ["det_flip"])
    assert "<dt>Det-Flip</dt>" in (tmp_path / "first.html").read_text()
    write_first_page(tmp_path, [], tmp_path / "first.html")
    assert "<details" not in (tmp_path / "first.html").read_text()

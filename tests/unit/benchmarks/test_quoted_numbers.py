"""Numbers in the Markdown files are what the kept results say."""

import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))
import quote  # noqa: E402

SCORES = """strategy,phase,ours,standard_error,paper
det,fixed,0.93049,0.0042,
det,finetuned,,,0.5
flip,fixed,7.5e-05,,
"""
TIMES = """
| network | s | x det | s | x det |
|:--|--:|--:|--:|--:|
| flip | 1,204.5 | 2.35 [2.2, 2.5] | 3 | +0.1 ± 0.25 |
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/scores.csv").write_text(SCORES)
    (tmp_path / "times.md").write_text(TIMES)
    monkeypatch.setattr(quote, "RESULTS", tmp_path)
    quote._tables.cache_clear()
    yield
    quote._tables.cache_clear()


@pytest.mark.parametrize("page", quote.pages(), ids=lambda page: page.name)
def test_pages_quote_what_the_results_say(page):
    stale = quote.stale(page)
    assert not stale, "run `python benchmarks/quote.py`; the results say\n" + "\n".join(stale)


@pytest.mark.parametrize(
    ("typed", "asked", "right"),
    [
        ("0.9 ± 0.11", "{strategy: det, phase: fixed}", "0.9 ± 0.00"),
        ("0.000", "{strategy: det, phase: fixed}", "0.930"),
        ("12 %", "{strategy: det, phase: fixed}", "93 %"),
        ("1.0%", "{strategy: det, phase: fixed}", "93.0%"),
        ("0.000000", "{strategy: flip}", "0.000075"),
        ("1", "{phase: fixed, count: true}", "2"),
        ("0.00", "{strategy: det, phase: finetuned, value: paper}", "0.50"),
        ("9.99", "{file: ../times.md, network: flip, value: x det}", "2.35"),
        ("9", "{file: ../times.md, network: flip, value: s}", "1,204"),
        ("9\n  %", "{strategy: det, phase: fixed}", "93\n  %"),
        ("+9.9 ± 0.0", "{file: ../times.md, network: flip, value: x det.1}", "+0.1 ± 0.2"),
    ],
)
def test_a_number_keeps_the_form_in_which_it_stands(results, typed, asked, right):
    names = {"score": {"from": "run", "file": "scores.csv"} | yaml.safe_load(asked)}
    text = quote.filled(f"It is {typed}<!-- =score --> here.\n", names)
    assert text == f"It is {right}<!-- =score --> here.\n"
    assert quote.filled(text, names) == text


def test_a_table_is_made_of_rows_and_columns(results):
    description = """<!-- = table
file: run/scores.csv
head: network
rows:
  Det: {strategy: det}
  Flip: {strategy: flip}
columns:
  fixed: {phase: fixed}
  fine-tuned: {phase: finetuned, decimals: 1}
  print: {phase: finetuned, value: paper, error: false, decimals: 2}
-->
"""
    text = quote.filled(f"Scores:\n\n{description}| old | table |\n\nMore.\n| own | table |\n", {})
    assert text == (
        f"Scores:\n\n{description}"
        "| network | fixed | fine-tuned | print |\n"
        "|:--|--:|--:|--:|\n"
        "| Det | 0.930 ± 0.004 | – | 0.50 |\n"
        "| Flip | 0.000 | – | – |\n"
        "\nMore.\n| own | table |\n"
    )


@pytest.mark.parametrize(
    ("text", "names", "fault"),
    [
        ("1<!-- =lost -->", {}, "does not explain 'lost'"),
        ("1<!-- =one -->", {"one": {"file": "gone.csv"}}, "results/gone.csv"),
        ("1<!-- =one -->", {"one": {"file": "run/scores.csv"}}, "2 rows are that"),
        ("1<!-- =one -->", {"one": {"file": "run/scores.csv", "strategy": "drop"}}, "no such row"),
        (
            "1 ± 1<!-- =one -->",
            {"one": {"file": "run/scores.csv", "strategy": "flip"}},
            "no such error",
        ),
        ("1<!-- =one -->", {"one": {"file": "run/scores.csv", "fold": 1}}, "columns"),
        ("none", {"one": {"file": "run/scores.csv", "strategy": "flip"}}, "does not quote"),
        ("one<!-- =one -->", {}, "1 of its marks"),
        ("1<!--\n=one -->", {}, "1 of its marks"),
        ("<!-- = tables\nrows: {}\n-->\n", {}, "1 of its marks"),
    ],
)
def test_a_mark_that_cannot_be_filled_is_named(results, text, names, fault):
    with pytest.raises(quote.QuoteError, match=fault):
        quote.filled(text, names)


@pytest.fixture
def house(results, tmp_path, monkeypatch):
    """A project of one page, which quotes 1 where the results say 3."""
    monkeypatch.setattr(quote, "ROOT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / quote.QUOTED).write_text(
        "README.md:\n  - file: run/scores.csv\n    n: {count: true}\n"
    )
    (tmp_path / "README.md").write_text("1<!-- =n -->\n")
    return tmp_path


def test_a_name_that_is_explained_twice_is_named(house):
    with (house / quote.QUOTED).open("a") as quoted:
        quoted.write("  - n: {file: run/scores.csv, count: true}\n")
    with pytest.raises(quote.QuoteError, match=r"\['n'\] twice"):
        quote.named(house / "README.md")


def test_check_fails_where_a_page_is_stale_and_writes_nothing(house):
    page = house / "README.md"
    text = page.read_text()
    with pytest.raises(SystemExit, match="1"):
        quote.main(["--check"])
    assert page.read_text() == text
    quote.main([])
    assert page.read_text() == "3" + text[1:]
    quote.main(["--check"])

"""Links between the docs lead somewhere: files that are there, headings that are there."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
# A name in code type that can only be a file of the repository.
FILE = re.compile(
    r"(?:benchmarks|config|containers|docs|notebooks|slurm|src|tests|workflow)/[\w./-]+\.\w+"
)
# Files that a reader is told to write.
TO_WRITE = {
    *("config/mine.yaml", "config/whales.yaml", "config/candidate.yaml", "config/candidate_a.yaml"),
    "src/vipann/datasets/adapters/birdsong.py",
}


def tracked(pattern: str) -> list[Path]:
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run([*listed, pattern], capture_output=True, text=True, check=True)
    return [ROOT / name for name in found.stdout.splitlines()]


PAGES = tracked("*.md")


def tokens(page: Path) -> Iterator[Token]:
    """The inline parts of a page, those of links, images and code type among them."""
    for block in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text(encoding="utf-8")):
        yield from block.children or []


@cache
def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text(encoding="utf-8"))
    slugs: Counter[str] = Counter()
    anchors = set()
    for opening, inline in pairwise(parsed):
        if opening.type == "heading_open":
            text = "".join(one.content for one in inline.children or [] if one.content)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            anchors.add(f"{slug}-{n}" if (n := slugs[slug]) else slug)
            slugs[slug] += 1
    return anchors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page):
    lost = []
    for token in tokens(page):
        target = token.attrs.get("href") or token.attrs.get("src")
        if target is None or re.match(r"[a-z]+:", str(target)):
            continue
        path, _, anchor = str(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            lost.append(f"{target}: there is no such file")
        elif anchor and anchor not in headings(there):
            lost.append(f"{target}: there is no such heading")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page):
    named = {token.content for token in tokens(page) if token.type == "code_inline"}
    lost = {name for name in named if FILE.fullmatch(name) and not (ROOT / name).exists()}
    assert not lost - TO_WRITE


def test_anchors_are_githubs(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# What `a_b` is: 0.7, ±?\n\n## Twice\n\nText\n=====\n\n## Twice\n\n# Twice\n")
    assert headings(page) == {"what-a_b-is-07-", "twice", "text", "twice-1", "twice-2"}

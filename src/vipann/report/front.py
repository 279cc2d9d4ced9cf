"""What the index of a run opens with: headline tables, a few figures, how many claims hold."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from vipann.claims.judgement import counted
from vipann.report.claims import LOOKS, counts_of
from vipann.report.pages import Part, body

# A title and the files of a table or figure, below the run's folder.
Item = tuple[str, Sequence[str]]


def anchor(path: str) -> str:
    """Where the index shows a result, by one of its files."""
    return PurePosixPath(path).stem


def titled_table(folder: Path, title: str, files: Sequence[str]) -> tuple[str, str]:
    """A table's own title, which Markdown has as a bold first line, else `title`; and its text."""
    (path,) = (path for path in files if path.endswith(".md"))
    text = (folder / path).read_text(encoding="utf-8").strip()
    first, _, rest = text.partition("\n")
    if first.startswith("**") and first.endswith("**"):
        return first.strip("*"), rest.strip()
    return title, text


def links(paths: Sequence[str]) -> str:
    """Markdown links to files, each called by its suffix."""
    return " · ".join(f"[{path.rpartition('.')[2]}]({path})" for path in paths)


def picture_of(files: Sequence[str]) -> str:
    """The file of a figure that a page shows."""
    return next(path for path in files if path.endswith(".png"))


def headline(folder: Path, title: str, files: Sequence[str]) -> Part:
    """A table, what is to be said of it folded away."""
    title, text = titled_table(folder, title, files)
    table, _, notes = text.partition("\n\n")
    shown = f"## {title}\n\n{text}\n\nFiles: {links(files)}"
    below = f"{notes}\n\nFiles: {links(files)}"
    return Part(
        shown,
        f'<h2 id="{anchor(files[0])}">{html.escape(title)}</h2>\n{body(table)}'
        f"<details><summary>How to read it, and files</summary>{body(below)}</details>",
    )


def gallery(figures: Sequence[Item]) -> Part:
    """Figures side by side; in the page each leads to where it is shown in full."""
    pictures = [(title, picture_of(files)) for title, files in figures]
    rows = [
        [title for title, _ in pictures],
        [":-:"] * len(pictures),
        [f"![{title}]({path})" for title, path in pictures],
    ]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    shown = "\n".join(_thumbnail(html.escape(title), path) for title, path in pictures)
    return Part(text, f'<div class="gallery">\n{shown}\n</div>')


def _thumbnail(title: str, path: str) -> str:
    return (
        f'<figure><a href="#{anchor(path)}"><img src="{path}" alt=""><figcaption>{title}'
        "</figcaption></a></figure>"
    )


def verdicts(ledgers: Mapping[str, pd.DataFrame], place: str, synthetic: bool = False) -> Part:
    """One line: how many claims of each paper hold, do not hold and cannot be judged; place: of the
    ledgers; synthetic: whether all sounds of the run are."""
    texts, shown = [], []
    for paper, ledger in ledgers.items():
        counts = [(LOOKS[verdict], counted(verdict, n)) for verdict, n in counts_of(ledger).items()]
        texts.append(f"{paper}: {', '.join(words for _, words in counts)}")
        coloured = ", ".join(
            f'<span class="{look.kind}">{look.sign} {words}</span>' for look, words in counts
        )
        shown.append(f"{html.escape(paper)}: {coloured}")
    papers = "paper" if len(ledgers) == 1 else "papers"
    said = f", on synthetic sounds, which say nothing of the {papers}" if synthetic else ""
    return Part(
        f"Claims of {'; '.join(texts)}{said}.",
        f'<p class="verdicts"><a href="#{place}">Claims</a> of {"; ".join(shown)}{said}.</p>',
    )


def opening(
    folder: Path,
    front: Mapping[str, Any],
    ledgers: Mapping[str, pd.DataFrame],
    synthetic: bool = False,
) -> list[Part]:
    """front: `vipann.plan.front`; ledgers: the papers' short names -> theirs; synthetic: whether
    all sounds of the run are."""
    parts = [headline(folder, *one) for one in front["tables"]]
    if front["figures"]:
        parts.append(gallery(front["figures"]))
    if ledgers:
        parts.append(verdicts(ledgers, anchor(front["claims"][0][1][0]), synthetic))
    return parts

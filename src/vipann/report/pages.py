"""Markdown as pages that a browser shows by themselves, with tables to be sorted."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vipann.files import replacing

STYLE, SCRIPT = Path(__file__).with_name("page.css"), Path(__file__).with_name("page.js")
_SHORT = 40  # characters


@dataclass(frozen=True)
class Part:
    """A part of a text: as Markdown, and as HTML where that is other than the Markdown's own."""

    markdown: str
    html: str | None = None


def write_page(source: Path | str, out: Path | str) -> None:
    """Write the Markdown file `source` as the self-contained HTML page `out`.

    The page's title is the first heading or bold line, else the file's name.
    """
    text = Path(source).read_text(encoding="utf-8")
    with replacing(out) as beside:
        beside.write_text(page(text, Path(source).stem), encoding="utf-8")


def page(markdown: str, name: str) -> str:
    """An HTML page of Markdown with tables; HTML inside the Markdown is shown as text."""
    found = re.search(r"^(?:#+ +|\*\*)(.+?)(?:\*\*)?$", markdown, flags=re.MULTILINE)
    return document(body(markdown), found[1].replace("`", "") if found else name)


def page_of(parts: Sequence[Part], title: str) -> str:
    """An HTML page of parts."""
    shown = (body(part.markdown) if part.html is None else part.html for part in parts)
    return document("\n".join(shown), title)


def body(markdown: str) -> str:
    """Markdown as HTML; each table scrolls by itself when it is wide."""
    import mistune

    text = str(mistune.create_markdown(plugins=["table"])(markdown))
    return re.sub(r"<table>.*?</table>", _framed, text, flags=re.DOTALL)


def document(content: str, title: str) -> str:
    """A self-contained HTML page of HTML; title: text."""
    style, script = (path.read_text(encoding="utf-8") for path in (STYLE, SCRIPT))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{content}\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _framed(table: re.Match[str]) -> str:
    """A table in a frame that scrolls; short cells are not broken into lines."""
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table[0], flags=re.DOTALL)
    short = all(len(cell) < _SHORT for cell in cells)
    return frame(table[0], "short" if short else "")


def frame(table: str, kind: str = "") -> str:
    """A table that scrolls by itself, also with the keyboard, when it is wide."""
    classes = f"wide {kind}".strip()
    return f'<div class="{classes}" tabindex="0" role="region" aria-label="Table">{table}</div>'

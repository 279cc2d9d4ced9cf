"""Markdown tables as pages that a browser shows by themselves: no script, nothing loaded."""

import html
import re
from pathlib import Path

from vipann.files import replacing

_SHORT = 40  # characters
_STYLE = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #262626; background: #fff;
  max-width: 72rem; margin: 1.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem;
  border-bottom: 1px solid #d9d9d9; } h3 { font-size: 1.05rem; margin-top: 1.8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums;
  border-top: 2px solid #262626; border-bottom: 2px solid #262626; }
th { border-bottom: 1px solid #262626; vertical-align: bottom; }
th, td { padding: .22rem .65rem; text-align: left; }
.short td { white-space: nowrap; }
tbody tr:not(:has(> td:first-child:empty)) > td { border-top: 1px solid #e3e3e3; }
tbody tr:hover > td { background: #f3f6f9; }
a { color: #005a8d; } code { background: #f3f3f3; padding: 0 .2em; }
img { max-width: 100%; }
"""


def write_page(source: Path | str, out: Path | str) -> None:
    """Write the Markdown file `source` as the self-contained HTML page `out`.

    The page's title is the first heading or bold line, else the file's name.
    """
    text = Path(source).read_text(encoding="utf-8")
    with replacing(out) as beside:
        beside.write_text(page(text, Path(source).stem), encoding="utf-8")


def page(markdown: str, name: str) -> str:
    """An HTML page of Markdown with tables; HTML inside the Markdown is shown as text."""
    import mistune

    body = str(mistune.create_markdown(plugins=["table"])(markdown))
    body = re.sub(r"<table>.*?</table>", _framed, body, flags=re.DOTALL)
    found = re.search(r"^(?:#+ +|\*\*)(.+?)(?:\*\*)?$", markdown, flags=re.MULTILINE)
    title = html.escape(found[1].replace("`", "") if found else name)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _framed(table: re.Match[str]) -> str:
    """A table that scrolls by itself when it is wide; short cells are not broken into lines."""
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table[0], flags=re.DOTALL)
    short = all(len(cell) < _SHORT for cell in cells)
    return f'<div class="wide{" short" if short else ""}">{table[0]}</div>'

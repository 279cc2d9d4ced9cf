"""A ledger of claims as a table to look at: a row a claim, with its verdict and its effect.

What a verdict rests on (numbers, test, rule, the paper's own numbers) unfolds below the claim.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED, counted
from vipann.claims.testing import format_p
from vipann.claims.writing import RULES, effect_text
from vipann.files import replacing
from vipann.report.pages import body, document, frame


class Look(NamedTuple):
    """Of a verdict: its class in the page's style, and its sign."""

    kind: str
    sign: str


LOOKS = {
    HOLDS: Look("holds", "✓"),
    FAILS: Look("fails", "✗"),
    UNJUDGED: Look("open", "?"),
}
HEADINGS = ("Claim", "Dataset", "Verdict", "Effect, with its 95 % interval")
ABOUT_EFFECTS = (
    "Effect: by how much the number is beyond what the claim's test asks of it, in its own unit; "
    "above zero (the thin line) speaks for the claim. Each bar has a scale of its own."
)
# Of a bar, in pixels.
WIDTH, HEIGHT, MARGIN = 120, 14, 5


def write_claims_page(
    csv: Path | str, md: Path | str, names: Mapping[str, str], out: Path | str
) -> None:
    """Write the ledger (`vipann.claims.writing.write_claims`) as the HTML page `out`; names: of
    datasets."""
    text = Path(md).read_text(encoding="utf-8")
    title = text.partition("\n")[0].strip("*")
    content = f"<h1>{html.escape(title)}</h1>\n{claims_html(read_ledger(csv), text, names)}"
    with replacing(out) as beside:
        beside.write_text(document(content, title), encoding="utf-8")


def read_ledger(csv: Path | str) -> pd.DataFrame:
    """The columns of `vipann.claims.ledger.COLUMNS`; missing texts are ""."""
    numbers = ["p", "p_holm", "effect", "effect_low", "effect_high"]
    ledger = pd.read_csv(csv, keep_default_na=False, dtype=str)
    return ledger.assign(**{name: pd.to_numeric(ledger[name]) for name in numbers})


def counts_of(ledger: pd.DataFrame) -> dict[str, int]:
    """Verdict -> how many there are, each of the three."""
    return {verdict: int((ledger["verdict"] == verdict).sum()) for verdict in LOOKS}


def claims_html(ledger: pd.DataFrame, markdown: str, names: Mapping[str, str]) -> str:
    """The claims that were judged, those that were not folded away, and how they are judged.

    markdown: the ledger's own, of which all but the title, the table and the rules is kept.
    """
    blocks = markdown.strip().split("\n\n")
    table = next(place for place, block in enumerate(blocks) if block.startswith("|"))
    rules = blocks.index(RULES) if RULES in blocks else len(blocks)
    judged = ledger["verdict"] != UNJUDGED
    parts = [body("\n\n".join(blocks[1:table]))]
    if judged.any():
        parts += [_table(ledger[judged], names), f'<p class="soft">{ABOUT_EFFECTS}</p>']
    if not judged.all():
        count = int((~judged).sum())
        parts.append(
            f"<details><summary>{counted(UNJUDGED, count)} by this run, and why</summary>\n"
            f"{_table(ledger[~judged], names)}</details>"
        )
    how = body("\n\n".join(blocks[table + 1 : rules]))
    return "\n".join([*parts, f"<details><summary>How claims are judged</summary>{how}</details>"])


def _table(ledger: pd.DataFrame, names: Mapping[str, str]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    rows = "\n".join(_row(row, names) for row in ledger.itertuples())
    return frame(
        f'<table class="claims"><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>'
    )


def _row(row: Any, names: Mapping[str, str]) -> str:
    look = LOOKS[row.verdict]
    below = [
        ("Numbers", row.numbers),
        ("Test", _tested(row)),
        ("Rule", row.rule),
        ("By the print's own numbers", _printed(row)),
    ]
    terms = "".join(f"<dt>{term}</dt><dd>{html.escape(text)}</dd>" for term, text in below if text)
    claim = f'{html.escape(row.sentence)} <span class="soft">{_place(row.section)}</span>'
    dataset = html.escape(names.get(row.dataset) or row.dataset)
    known = pd.notna(row.effect)
    value, shown = (f"{row.effect}", _effect(row)) if known else ("", "–")
    return (
        f"<tr><td><details><summary>{claim}</summary><dl>{terms}</dl></details></td>"
        f'<td>{dataset}</td><td class="{look.kind}">{look.sign} {row.verdict}</td>'
        f'<td data-value="{value}">{shown}</td></tr>'
    )


def _place(section: str) -> str:
    """ "§ 4.2, 5", "abstract, § 1"."""
    return re.sub(r"(?<![\d.])(?=\d)", "§&nbsp;", html.escape(section), count=1)


def _tested(row: Any) -> str:
    if pd.isna(row.p):
        return row.test
    return f"{row.test}: {format_p(row.p)}, adjusted by Holm {format_p(row.p_holm)}"


def _printed(row: Any) -> str:
    return ". ".join(text for text in (row.printed_verdict, row.printed_numbers) if text)


def _effect(row: Any) -> str:
    """The bar of an effect and its interval, and the numbers beside it."""
    has_interval = pd.notna(row.effect_low)
    ends = [row.effect_low, row.effect_high] if has_interval else []
    largest = max(map(abs, [row.effect, *ends])) or 1.0
    half = WIDTH / 2 - MARGIN
    centre, *places = (WIDTH / 2 + half * one / largest for one in [row.effect, *ends])
    kind = "open"
    if has_interval and min(ends) > 0:
        kind = "holds"
    elif has_interval and max(ends) < 0:
        kind = "fails"
    middle = HEIGHT / 2
    bar = (
        f'<line x1="{places[0]:.1f}" x2="{places[1]:.1f}" y1="{middle}" y2="{middle}"/>'
        if has_interval
        else ""
    )
    return (
        f'<svg class="effect {kind}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f'<line class="zero" x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="0" y2="{HEIGHT}"/>'
        f'{bar}<circle cx="{centre:.1f}" cy="{middle}" r="3.5"/></svg>{effect_text(row)}'
    )

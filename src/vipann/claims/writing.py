"""The ledger as csv, Markdown and LaTeX."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED, counted
from vipann.claims.ledger import PaperClaims, ledger
from vipann.claims.testing import format_p
from vipann.files import replacing
from vipann.tables.layout import escaped

TITLE = "Claims of the paper, judged on this run"
RULES = "How each claim is judged:"
HOW = (
    "The verdict is what the run's own numbers say by the rule below; the test says how far chance "
    "could have brought that about: where the claim holds, it tests the claim, where it does not "
    "hold, the contrary. A large p where it does not hold means that the claim was not shown here, "
    "and neither was its contrary. A claim that any one of several comparisons bears out is judged "
    "by its test instead (p < 0.05, before Holm), and cannot be judged where that shows neither "
    "the claim nor its contrary. Tests are one-sided. Over folds they are paired, with a "
    "variance corrected for the clips that the folds' training sets share; p is then adjusted by "
    "Holm for all tests of this table. Replications repeat the sampling of one "
    "trained network, not its training: no test counts them as a sample. A claim on several "
    "variants is tested as a whole, by its least certain comparison. An effect is by how much the "
    "number is beyond what the test asks of it: above zero it speaks for the claim."
)
HEADINGS = ["Claim", "§", "Dataset", "In this run", "Numbers", "Test", "By the paper's own numbers"]
_WIDTHS = "p{4.2cm}p{0.8cm}p{1.8cm}p{1.5cm}p{5.2cm}p{3cm}p{6cm}"


def write_claims(
    paper: PaperClaims,
    views: Mapping[str, Sequence[Any]],
    outputs: Sequence[Path | str],
    notes: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> None:
    """Judge every claim of `paper` on `views` (`ledger`) and write the ledger to outputs (csv, md,
    tex). notes: sentences about this run's networks; names: of datasets, for readers of md, tex."""
    frame = ledger(paper, views)
    csv, md, tex = outputs
    with replacing(csv) as beside:
        frame.to_csv(beside, index=False)
    frame["dataset"] = frame["dataset"].replace(dict(names or {}))
    for path, text in ((md, markdown(paper, frame, notes)), (tex, latex(paper, frame, notes))):
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")


def markdown(paper: PaperClaims, frame: pd.DataFrame, notes: Sequence[str] = ()) -> str:
    """The ledger for readers: counts, one table, and the rule of each claim."""
    counts = frame["verdict"].value_counts()
    summary = ", ".join(counted(v, int(counts.get(v, 0))) for v in (HOLDS, FAILS, UNJUDGED))
    lines = [f"**{TITLE}**", "", f"Of {len(frame)} judgements: {summary}.", ""]
    lines += [line for note in notes for line in (note, "")]
    lines += ["| " + " | ".join(HEADINGS) + " |", "|" + "|".join([":--"] * len(HEADINGS)) + "|"]
    lines += ["| " + " | ".join(_cell(text) for text in row) + " |" for row in _rows(paper, frame)]
    lines += ["", HOW, "", paper.note, "", RULES, ""]
    lines += [f"- {claim.key} (§ {claim.section}): {claim.rule}" for claim in paper.claims]
    return "\n".join(lines) + "\n"


def latex(paper: PaperClaims, frame: pd.DataFrame, notes: Sequence[str] = ()) -> str:
    """The ledger as a LaTeX longtable (needs the packages booktabs and longtable), the notes and
    how it is judged as paragraphs below."""
    table = pd.DataFrame(_rows(paper, frame), columns=HEADINGS).map(escaped)
    # LaTeX has no such letters in its standard fonts' encoding.
    table = table.rename(columns={"§": "Section"})
    body = table.to_latex(
        index=False, longtable=True, escape=False, caption=TITLE, column_format=_WIDTHS
    )
    rules = (f"{claim.key}: {claim.rule}" for claim in paper.claims)
    below = [f"{escaped(text)}\n" for text in (*notes, HOW, paper.note, *rules)]
    head = "% Needs \\usepackage{booktabs,longtable}; wide: set it in landscape."
    return "\n".join([head, body, *below])


def _rows(paper: PaperClaims, frame: pd.DataFrame) -> list[list[str]]:
    rows, above = [], ("", "")
    for row in frame.itertuples():
        printed = ". ".join(text for text in (row.printed_verdict, row.printed_numbers) if text)
        # What a claim's rows share stands beside the first of them.
        again = row.claim == above[0]
        sentence = f'"{row.sentence}"' if paper.quoted else row.sentence
        first = ["", ""] if again else [f"{row.claim}: {sentence}", row.section]
        p = "" if pd.isna(row.p) else f": {format_p(row.p)}, Holm {format_p(row.p_holm)}"
        effect = "" if pd.isna(row.effect) else f"effect {effect_text(row)}"
        tested = "; ".join(filter(None, [f"{row.test}{p}", effect]))
        rest = [row.dataset, row.verdict, row.numbers, tested]
        rows.append([*first, *rest, "" if again and printed == above[1] else printed])
        above = (row.claim, printed)
    return rows


def effect_text(row: Any) -> str:
    """Of a row of the ledger that has an effect: "+0.02 [+0.01, +0.03]"."""
    has_interval = pd.notna(row.effect_low)
    interval = f" [{row.effect_low:+.3g}, {row.effect_high:+.3g}]" if has_interval else ""
    return f"{row.effect:+.3g}{interval}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

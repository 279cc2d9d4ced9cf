"""Which method to use for what, in the words that a run's tables have for it."""

from collections.abc import Sequence
from pathlib import Path

from vipann.files import replacing
from vipann.report.pages import page

ABOUT = (
    "From this run's own numbers, each with its cost in passes of a network a clip: a "
    "deterministic network needs one, a Bayesian one as many as it is sampled, an ensemble one for "
    "each member. The tables behind it, with intervals, are in [index.md](index.md)."
)
NOTHING = "The parts of this run give no advice."


def write_advice(
    advice: Sequence[tuple[str, str | None]], run: str, md: Path | str, html: Path | str
) -> None:
    """Write the page as Markdown and HTML; advice: label of a table and what it says, None where
    its numbers say nothing."""
    said = [f"- **{label}.** {text}" for label, text in advice if text]
    title = f"Uncertainty of run {run}: which method for what"
    text = "\n\n".join([f"# {title}", ABOUT, "\n".join(said) or NOTHING]) + "\n"
    for path, content in ((md, text), (html, page(text, title))):
        with replacing(path) as beside:
            beside.write_text(content, encoding="utf-8")

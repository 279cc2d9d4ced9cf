"""What a reader has to know before the first table: the words for a run's networks, and how often a
guess would be right."""

import csv
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from vipann.report.pages import Part
from vipann.strategies import BY_NAME

# Strategies, then phases.
NETWORKS = {
    "det": (BY_NAME["det"].label, "an ordinary network; one pass gives its answer"),
    "drop": (
        BY_NAME["drop"].label,
        "dropout stays on at test time (MC dropout), so that several passes differ",
    ),
    "flip": (BY_NAME["flip"].label, "the weights are drawn anew for each pass (Flipout)"),
    "det_flip": (BY_NAME["det_flip"].label, "an ordinary backbone with a Flipout head"),
    "ens": (BY_NAME["ens"].label, "the mean of several Det networks, each with a seed of its own"),
    "fixed": ("Fixed", "only a new head is trained; the pretrained backbone stays as it is"),
    "finetuned": ("Fine-tuned", "all layers are trained further"),
    "scratch": ("From scratch", "all layers are trained from a random start"),
}
UNCERTAINTY = (
    ("Aleatoric uncertainty", "the sound itself is ambiguous"),
    ("Epistemic uncertainty", "the network does not know: its passes disagree"),
    ("Entropy", "both together"),
)


def terms_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """Word and meaning of each strategy and phase of a run, and of uncertainty; none without
    strategies and phases."""
    known = set(names)
    terms = [term for name, term in NETWORKS.items() if name in known]
    return [*terms, *UNCERTAINTY] if terms else []


def glossary_html(names: Iterable[str]) -> str:
    """The words of `terms_of`, folded away; "" where there are none."""
    terms = terms_of(names)
    if not terms:
        return ""
    shown = "".join(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in terms)
    words = ", ".join(escape(word) for word, _ in terms)
    return (
        f'<details class="glossary"><summary>What is meant by {words}</summary>'
        f"<dl>{shown}</dl></details>\n"
    )


def glossary(names: Iterable[str]) -> Part:
    """The words of `terms_of` in an index; names: may be gone through more than once."""
    names = list(names)
    text = "\n".join(f"- **{word}**: {meaning}." for word, meaning in terms_of(names))
    return Part(text, glossary_html(names))


def chance(folder: Path, names: Mapping[str, str]) -> str:
    """How often a guess is right, in a sentence; "" without datasets.

    names: of datasets whose clips have one label each, as readers call them; their classes are
    counted in `manifests/<dataset>.summary.csv` below `folder`.
    """
    known = {
        shown: _classes(folder / f"manifests/{key}.summary.csv") for key, shown in names.items()
    }
    parts = [f"{1 / n:.3f} on {shown} ({n} classes)" for shown, n in known.items() if n]
    return f"Guessing would give an accuracy of {', '.join(parts)}." if parts else ""


def _classes(summary: Path) -> int:
    if not summary.is_file():
        return 0
    with summary.open(newline="", encoding="utf-8") as stream:
        return len({row["name"] for row in csv.DictReader(stream) if row["what"] == "class"})

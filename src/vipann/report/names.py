"""What results are called in the report and the index, in words that a reader of the paper knows.

Standard library alone: the Snakefile imports this module while it is parsed.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath

# The paper's figures by its name of the dataset.
PAPER_FIGURES = {
    "AudioSet": {"retention": 1, "boxplot": 2},
    "UrbanSound8K": {"phases": 3, "retention": 4, "boxplot": 5},
    "ESC-50": {"phases": 6, "retention": 7, "boxplot": 8},
    "DCASE2013": {"phases": 9, "retention": 10, "boxplot": 11},
}
# What a figure of another dataset is like: the first of its kind in the paper.
LIKE_UPSTREAM, LIKE_TRANSFER = "AudioSet", "UrbanSound8K"

# In the paper's order.
FIGURE_WORDS = {
    "phases": "fixed against fine-tuned",
    "retention": "score by clips retained",
    "boxplot": "uncertainty on new sounds",
    "learning": "learning curves",
    "reliability": "reliability of the probabilities",
    "confusion": "confusion of classes",
}
TABLE_WORDS = {
    "table1": "Table 1: size of the networks",
    "table1_parts": "Table 1: where the operations go",
    "table1_variants": "Table 1: variants of its networks",
    "table2": "Table 2: the datasets",
    "table3": "Table 3: pretraining",
    "table4": "Table 4: accuracy after transfer",
    "table5": "Table 5: accuracy from scratch",
    "claims": "The paper's claims, judged",
}
BEYOND = "Beyond the paper"


def table_category(stem: str) -> str:
    """The report's category of a table, from its file's name without suffix."""
    if stem.startswith("table"):
        return "Tables"
    return "Claims" if stem.startswith("claims") else BEYOND


def table_label(stem: str) -> str:
    return TABLE_WORDS.get(stem, _words(stem))


def figure_category(kind: str) -> str:
    if any(kind in figures for figures in PAPER_FIGURES.values()):
        return "Figures"
    return "Training" if kind.startswith("learning") else BEYOND


def figure_label(kind: str, paper_name: str | None, upstream: bool) -> str:
    """A figure's label; its number is the paper's where the dataset is.

    Snakemake's report sorts labels as text: a figure space before one digit keeps 9 before 10.
    """
    words = FIGURE_WORDS.get(kind, _words(kind))
    like = LIKE_UPSTREAM if upstream else LIKE_TRANSFER
    if number := PAPER_FIGURES.get(paper_name or "", {}).get(kind):
        return f"Figure {str(number).rjust(2, chr(0x2007))}: {words}"
    if number := PAPER_FIGURES[like].get(kind):
        return f"Like Figure {number}: {words}"
    return words[:1].upper() + words[1:]


def kind_and_dataset(stem: str, datasets: Iterable[str]) -> tuple[str, str]:
    """("retention", "esc50") of "retention_esc50"; the dataset is "" where the name has none."""
    for dataset in sorted(datasets, key=len, reverse=True):
        if stem.endswith(f"_{dataset}"):
            return stem.removesuffix(f"_{dataset}"), dataset
    return stem, ""


def dataset_label(dataset: str, paper_names: Mapping[str, str | None]) -> str:
    return paper_names.get(dataset) or dataset


def stems_of(paths: Iterable[str]) -> list[str]:
    """The paths' names without suffix, each once, in their order."""
    return list(dict.fromkeys(PurePath(path).stem for path in paths))


def _words(stem: str) -> str:
    return stem.replace("_", " ").replace("-", " ").capitalize()

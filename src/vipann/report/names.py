"""What results are called in the report and the index, in words that a reader of the paper knows.

Standard library alone: the Snakefile imports this module while it is parsed.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from vipann.papers.vi_pann.figures import FIGURES, figure_name

# In the paper's order.
FIGURE_WORDS = {
    "phases": "fixed against fine-tuned",
    "retention": "score by clips retained",
    "boxplot": "uncertainty on new sounds",
    "learning_curves": "learning curves of all trainings",
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
    "ood": "Out-of-distribution detection",
    "shortcuts": "Out-of-distribution detection by trivial scores",
    "claims": "The paper's claims, judged",
}
BEYOND = "Beyond the paper"
FIGURE_SPACE = "\u2007"


def table_category(stem: str) -> str:
    """The report's category of a table, from its file's name without suffix."""
    if stem.startswith("table"):
        return "Tables"
    return "Claims" if stem.startswith("claims") else BEYOND


def table_label(stem: str) -> str:
    return TABLE_WORDS.get(stem, _words(stem))


def figure_category(kind: str) -> str:
    if kind in FIGURES:
        return "Figures"
    return "Training" if kind.startswith("learning") else BEYOND


def figure_label(kind: str, paper_name: str | None, upstream: bool) -> str:
    """A figure's label; its number is the paper's where the dataset is.

    Snakemake's report sorts labels as text: a figure space before one digit keeps 9 before 10.
    """
    words = FIGURE_WORDS.get(kind, _words(kind))
    if kind not in FIGURES:
        return _capital(words)
    name = figure_name(kind, paper_name, upstream)
    if name.startswith("Figure "):
        name = "Figure " + name.removeprefix("Figure ").rjust(2, FIGURE_SPACE)
    return f"{_capital(name)}: {words}"


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
    return _capital(stem.replace("_", " ").replace("-", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

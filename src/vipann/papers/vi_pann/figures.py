"""Which of the paper's eleven figures shows what."""

# Kind -> the paper's name of the dataset -> number. "retention": strategies compared; "phases":
# fixed-feature against fine-tuned; "boxplot": uncertainty, also out of distribution.
FIGURES = {
    "retention": {"AudioSet": 1, "UrbanSound8K": 4, "ESC-50": 7, "DCASE2013": 10},
    "phases": {"UrbanSound8K": 3, "ESC-50": 6, "DCASE2013": 9},
    "boxplot": {"AudioSet": 2, "UrbanSound8K": 5, "ESC-50": 8, "DCASE2013": 11},
}


def figure_name(kind: str, paper_name: str | None, upstream: bool) -> str:
    """ "Figure 4", or for a dataset that is not the paper's "like Figures 4, 7, 10".

    kind: a key of FIGURES; paper_name: the paper's name of the dataset, None where it has none;
    upstream: whether this run pretrains on it, which decides what figures the others are like.
    """
    numbers = FIGURES[kind]
    if paper_name in numbers:
        return f"Figure {numbers[paper_name]}"
    alike = [n for name, n in numbers.items() if (name == "AudioSet") == upstream]
    return f"like Figure{'s' if len(alike) > 1 else ''} {', '.join(map(str, alike))}"

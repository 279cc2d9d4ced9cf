"""What the datasets of a run are called, by the paper and by whoever reads the results."""

from typing import Any

from vipann.plan.run import Run


def paper_names(run: Run, *only: str) -> dict[str, str | None]:
    """Dataset -> what a paper calls it, or None; of all that the run hears, or of `only`."""
    return {name: run.blocks[name].get("paper_name") for name in only or _heard(run)}


def shown_names(run: Run, *only: str) -> dict[str, str]:
    """Dataset -> what titles, axes and captions call it: its `display_name`, else what the paper
    calls it, else its key; of all that the run hears, or of `only`. The out-of-distribution set in
    windows is called by their length too: "ShipsEar, 5 s"."""
    return {name: _shown(run, name) for name in only or _heard(run)}


def in_words(run: Run, dataset: str) -> dict[str, Any]:
    """For captions: upstream, datasets (of transfer), ood and `dataset`, as readers call them."""
    names = shown_names(run)
    return {
        "upstream": names.get(run.upstream or ""),
        "datasets": [names[name] for name in run.transfer_datasets],
        "ood": names.get(run.ood or ""),
        "dataset": names.get(dataset, ""),
    }


def _shown(run: Run, name: str) -> str:
    block = run.blocks[name]
    shown = block.get("display_name") or block.get("paper_name") or name
    if name in run.ood_windows.values():
        shown = shown if shown != name else run.ood
        return f"{shown}, {block['clip_seconds']:g} s"
    return shown


def _heard(run: Run) -> list[str]:
    return sorted({*run.tested, *filter(None, [run.ood])})

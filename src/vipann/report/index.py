"""The run's index: every output with one line and a link, tables inlined, figures as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vipann.files import replacing
from vipann.report.names import (
    BEYOND,
    FIGURE_WORDS,
    dataset_label,
    figure_category,
    figure_label,
    kind_and_dataset,
    stems_of,
    table_category,
    table_label,
)
from vipann.report.pages import page

# Outputs too many to be listed one by one: folder -> what lies there.
FAMILIES = {
    "manifests": "the list of clips of each dataset with folds, labels and checksums, and what is "
    "missing from it",
    "features": "what the networks hear (log-mel spectrograms, or embeddings as they were "
    "published), one HDF5 file per dataset",
    "checkpoints": "weights as safetensors, each with a JSON file on where it comes from",
    "predictions": "Monte Carlo predictions of every network on its own held-out clips, "
    "`<dataset>/<strategy>/fold<fold>/<phase>.h5`, upstream `<dataset>/<strategy>/pretrained.h5`: "
    "all numbers are computed from them",
    "ood": "the same on the out-of-distribution clips",
    "curves": "learning curves of every training",
    "benchmarks": "time and memory of the long jobs",
    "logs": "one log file per job",
}
METRICS = {
    "metrics": "every score: strategy, phase, fold, replication, metric, value",
    "retention": "score at each retained fraction, per replication",
    "uncertainty": "total, aleatoric and epistemic uncertainty of each clip, in nats",
}
SECTIONS = ("Claims", "Tables", "Figures", "Training", BEYOND)


def write_index(
    run: Path | str,
    results: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    md: Path | str,
    html: Path | str,
) -> None:
    """Write the index of the run in the folder `run` as Markdown and as an HTML page.

    results: what the run makes, all paths below `run`: "tables", "figures", "notebooks",
    "summaries", "metrics". facts: run, upstream, transfer_datasets, ood, strategies, mc_samples,
    replications, paper_names (dataset -> its name in the paper or None) and notes (see
    `vipann.report.notes`). Links are relative: the folder may be moved.
    """
    folder = Path(run)
    relative = {
        kind: [Path(path).relative_to(folder).as_posix() for path in paths]
        for kind, paths in results.items()
    }
    text = _index(folder, relative, facts)
    for path, content in ((md, text), (html, page(text, str(facts["run"])))):
        with replacing(path) as beside:
            beside.write_text(content, encoding="utf-8")


def _index(folder: Path, results: Mapping[str, list[str]], facts: Mapping[str, Any]) -> str:
    blocks: dict[str, list[str]] = {section: [] for section in SECTIONS}
    for stem in stems_of(results["tables"]):
        blocks[table_category(stem)] += _table(folder, stem, results["tables"])
    for kind, dataset, stem in _in_order(results["figures"], facts):
        paper_name = facts["paper_names"].get(dataset)
        label = figure_label(kind, paper_name, dataset == facts["upstream"])
        shown = dataset_label(dataset, facts["paper_names"])
        title = f"{label} ({shown})" if dataset else label
        blocks[figure_category(kind)] += _figure(stem, title, results["figures"])
    lines = [f"# Results of run `{facts['run']}`", _about(facts), *facts["notes"]]
    for section in SECTIONS:
        if blocks[section]:
            lines += [f"## {section}", *blocks[section]]
    lines += ["## Notebooks", _notebooks(results["notebooks"])]
    lines += ["## Datasets", _bullets(_datasets(results["summaries"]))]
    lines += ["## Where the numbers come from", _bullets(_origins(folder, results["metrics"]))]
    return "\n\n".join(lines) + "\n"


def _in_order(figures: Sequence[str], facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(kind, dataset, stem) of each figure, by dataset and then as in the paper."""
    datasets = [name for name in (facts["upstream"], *facts["transfer_datasets"]) if name]
    found = [(*kind_and_dataset(stem, datasets), stem) for stem in stems_of(figures)]
    kinds = list(FIGURE_WORDS)
    places = {name: place for place, name in enumerate([*datasets, ""])}
    return sorted(
        found,
        key=lambda one: (places[one[1]], kinds.index(one[0]) if one[0] in kinds else len(kinds)),
    )


def _about(facts: Mapping[str, Any]) -> str:
    names = {name: dataset_label(name, facts["paper_names"]) for name in facts["paper_names"]}
    targets = ", ".join(names[name] for name in facts["transfer_datasets"])
    upstream = names[facts["upstream"]] if facts["upstream"] else "what published weights know"
    told = [f"Networks pretrained on {upstream}"]
    if targets:
        told.append(f", moved to {targets} by the strategies {', '.join(facts['strategies'])}")
    if facts["ood"]:
        told.append(f"; {names[facts['ood']]} is out of distribution")
    return (
        f"{''.join(told)}. Bayesian networks were sampled {facts['mc_samples']} times in each of "
        f"{facts['replications']} replications. [report.html](report.html), if it was asked "
        "for, shows the same with the paper's context; `--report` makes it."
    )


def _links(paths: Sequence[str], stem: str) -> str:
    own = [path for path in paths if Path(path).stem == stem]
    return " · ".join(f"[{Path(path).suffix.removeprefix('.')}]({path})" for path in own)


def _table(folder: Path, stem: str, paths: Sequence[str]) -> list[str]:
    """The table under its own title, which Markdown tables have as a bold first line."""
    title, texts = table_label(stem), []
    for path in paths:
        if Path(path).stem == stem and path.endswith(".md"):
            text = (folder / path).read_text(encoding="utf-8").strip()
            first, _, rest = text.partition("\n")
            if first.startswith("**") and first.endswith("**"):
                title, text = first.strip("*"), rest.strip()
            texts.append(text)
    return [f"### {title}", *texts, f"Files: {_links(paths, stem)}"]


def _figure(stem: str, title: str, paths: Sequence[str]) -> list[str]:
    pictures = [path for path in paths if Path(path).stem == stem and path.endswith(".png")]
    images = [f"![{title}]({path})" for path in pictures]
    return [f"### {title}", *images, f"Files: {_links(paths, stem)}"]


def _notebooks(paths: Sequence[str]) -> str:
    return _bullets(
        f"{stem.replace('_', ' ').capitalize()}: {_links(paths, stem)}" for stem in stems_of(paths)
    )


def _datasets(paths: Sequence[str]) -> list[str]:
    stems = stems_of(paths)
    return [
        f"{stem.removesuffix('.summary')}, what was really obtained: {_links(paths, stem)}"
        for stem in stems
    ]


def _origins(folder: Path, metrics: Sequence[str]) -> list[str]:
    lines = []
    for path in metrics:
        kind = Path(path).stem.rpartition(".")[2]
        lines.append(f"[{path}]({path}): {METRICS[kind]}")
    found = {name: words for name, words in FAMILIES.items() if (folder / name).is_dir()}
    return lines + [f"[{name}/]({name}/): {words}" for name, words in found.items()]


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)

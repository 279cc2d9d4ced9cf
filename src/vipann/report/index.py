"""The run's index: every output with one line and a link, tables inlined, figures as pictures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vipann.files import replacing
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
    "validation": "the same on the clips of a validation fold",
    "unknown": "the same on the clips of classes that were held out",
    "degraded": "the same on test clips under noise and other conditions",
    "curves": "learning curves of every training",
    "benchmarks": "time and memory of the long jobs",
    "logs": "one log file per job",
}
METRICS = {
    "metrics": "every score: strategy, phase, fold, replication, metric, value",
    "retention": "score at each retained fraction, per replication",
    "uncertainty": "total, aleatoric and epistemic uncertainty of each clip, in nats",
}
# Where each file is of one product: what is not listed there was left by an earlier config.
PRODUCTS = ("tables", "figures", "notebooks")
# A title and the files of a table or figure, below the run's folder.
Item = tuple[str, Sequence[str]]


def write_index(
    sections: Iterable[tuple[str, Iterable[Item]]],
    others: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    md: Path | str,
    html: Path | str,
) -> None:
    """Write the index of the run in whose folder `md` will lie, as Markdown and as an HTML page.

    sections: title, and the tables and figures; others: further files of the run: "notebooks",
    "summaries", "metrics". facts: run, upstream, transfer_datasets, ood, strategies, sampled ("10
    times"), replications, paper_names (dataset -> its name in the paper or None) and notes
    (sentences on the run's networks); where there are any, variants_on_folds, names, and
    on_request, files below the run's folder that are made where they are asked for by name. Links
    are relative: the folder may be put elsewhere. What lies beside the products and is none of them
    is named.
    """
    folder, sections = Path(md).parent, [(title, list(items)) for title, items in sections]
    found = {
        kind: [Path(path).relative_to(folder).as_posix() for path in paths]
        for kind, paths in others.items()
    }
    lines = [f"# Results of run `{facts['run']}`", _about(facts), *facts["notes"]]
    if advice := facts.get("advice"):
        lines.append(f"Which method to use for what, in a few lines: [{advice}]({advice}).")
    for title, items in sections:
        lines += [f"## {title}", *(line for item in items for line in _item(folder, *item))]
    notebooks = _linked(found["notebooks"], lambda s: s.replace("_", " ").capitalize())
    obtained = _linked(found["summaries"], lambda s: f"{Path(s).stem}, what was really obtained")
    lines += ["## Notebooks", notebooks, "## Datasets", obtained]
    lines += ["## Where the numbers come from", *_origins(folder, found["metrics"])]
    listed = {path for _, items in sections for _, files in items for path in files}
    lines += _leftovers(folder, listed.union(*found.values(), facts.get("on_request", ())))
    text = "\n\n".join(lines) + "\n"
    for path, content in ((md, text), (html, page(text, str(facts["run"])))):
        with replacing(path) as beside:
            beside.write_text(content, encoding="utf-8")


def _about(facts: Mapping[str, Any]) -> str:
    names = {key: name or key for key, name in facts["paper_names"].items()}
    upstream = names[facts["upstream"]] if facts["upstream"] else "what published weights know"
    targets = ", ".join(names[name] for name in facts["transfer_datasets"])
    strategies, variants = (
        ", ".join(facts.get(k, ())) for k in ("strategies", "variants_on_folds")
    )
    parts = []
    if facts["upstream"] or strategies:
        parts.append(f"Networks pretrained on {upstream}")
    if targets and strategies:
        parts.append(f", transferred to {targets} by the strategies {strategies}")
    if variants:
        start = ". Networks" if parts else "Networks"
        parts.append(f"{start} trained on the folds of {targets}: {variants}")
    if facts["ood"]:
        parts.append(f"; {names[facts['ood']]} is out of distribution")
    return (
        f"{''.join(parts)}. Bayesian networks were sampled {facts['sampled']} in each of "
        f"{facts['replications']} replications. [report.html](report.html), if it was asked "
        "for, shows the same with the paper's context; `--report` makes it."
    )


def _item(folder: Path, title: str, files: Sequence[str]) -> list[str]:
    """A picture, or a table under its own title, which Markdown has as a bold first line."""
    shown = [f"![{title}]({path})" for path in files if path.endswith(".png")]
    for path in files:
        if path.endswith(".md"):
            text = (folder / path).read_text(encoding="utf-8").strip()
            first, _, rest = text.partition("\n")
            if first.startswith("**") and first.endswith("**"):
                title, text = first.strip("*"), rest.strip()
            shown.append(text)
    return [f"### {title}", *shown, f"Files: {_links(files)}"]


def _links(paths: Iterable[str]) -> str:
    return " · ".join(f"[{path.rpartition('.')[2]}]({path})" for path in paths)


def _linked(paths: Sequence[str], name_of: Callable[[str], str]) -> str:
    """A line for each stem, with links to its files."""
    stems: dict[str, list[str]] = {}
    for path in paths:
        stems.setdefault(Path(path).stem, []).append(path)
    return "\n".join(f"- {name_of(stem)}: {_links(own)}" for stem, own in stems.items())


def _origins(folder: Path, metrics: Sequence[str]) -> list[str]:
    lines = [f"[{p}]({p}): {METRICS[Path(p).stem.rpartition('.')[2]]}" for p in metrics]
    there = {name: what for name, what in FAMILIES.items() if (folder / name).is_dir()}
    lines += [f"[{name}/]({name}/): {what}" for name, what in there.items()]
    return ["\n".join(f"- {line}" for line in lines)]


def _leftovers(folder: Path, listed: set[str]) -> list[str]:
    files = (path for name in PRODUCTS for path in sorted((folder / name).glob("[!.]*.*")))
    names = [path.relative_to(folder).as_posix() for path in files]
    left = [f"- `{name}`" for name in names if name not in listed]
    about = "Made under an earlier config, and no result of this one; they may be deleted."
    return ["## Left from before", about, "\n".join(left)] if left else []

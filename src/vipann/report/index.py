"""The run's index: what people look for first, then every output, tables inlined, figures as
pictures, each with links to its files."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from vipann.files import replacing
from vipann.report.claims import claims_html, read_ledger
from vipann.report.front import Item, anchor, links, opening, titled_table
from vipann.report.glossary import chance, glossary
from vipann.report.pages import Part, body, page_of

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
# The sections after those of tables and figures.
FILES = ("Notebooks", "Datasets", "Where the numbers come from")


def write_index(
    sections: Iterable[tuple[str, Iterable[Item]]],
    others: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    md: Path | str,
    html: Path | str,
) -> None:
    """Write the index of the run in whose folder `md` will lie, as Markdown and as an HTML page.

    sections: title, and the tables and figures; others: further files of the run: "notebooks",
    "summaries", "metrics". facts: run, front (`vipann.plan.front`), upstream, transfer_datasets,
    ood, strategies (names), sampled ("10 times"), replications, names (of datasets) and notes
    (sentences on the run's networks); where there are any, variants_on_folds, names, on_request,
    files below the run's folder that are made where they are asked for by name, terms, the
    strategies and phases of its networks, one_label, the datasets whose clips have one label each,
    and synthetic, where all its sounds are. Links are relative: the folder may be put elsewhere.
    What lies beside the products and is none of them is named.
    """
    folder, sections = Path(md).parent, [(title, list(items)) for title, items in sections]
    found = {
        kind: [Path(path).relative_to(folder).as_posix() for path in paths]
        for kind, paths in others.items()
    }
    front, names = facts["front"], facts["names"]
    ledgers = {paper: read_ledger(folder / files[0]) for paper, files in front["claims"]}
    rest = _sections(folder, sections, front, names)
    parts = [
        Part(f"# Results of run `{facts['run']}`"),
        Part(_trained_on(facts)),
        glossary(facts.get("terms", ())),
        Part(chance(folder, {name: names[name] for name in facts.get("one_label", ())})),
        *opening(folder, front, ledgers, facts.get("synthetic", False)),
        _contents([title for title, _ in rest]),
        Part("\n\n".join([_sampled(facts), *facts["notes"]])),
    ]
    if advice := facts.get("advice"):
        text = f"Which method to use for what, in a few lines: [{advice}]({advice})."
        parts.append(Part(text))
    for title, own in rest:
        parts += [_heading(title), *own]
    parts += _files(folder, found, names)
    listed = {path for _, items in sections for _, files in items for path in files}
    parts += _leftovers(folder, listed.union(*found.values(), facts.get("on_request", ())))
    text = "\n\n".join(part.markdown for part in parts if part.markdown) + "\n"
    for path, content in ((md, text), (html, page_of(parts, f"Results of run {facts['run']}"))):
        with replacing(path) as beside:
            beside.write_text(content, encoding="utf-8")


def _sections(
    folder: Path,
    sections: Iterable[tuple[str, Iterable[Item]]],
    front: Mapping[str, Any],
    names: Mapping[str, str],
) -> list[tuple[str, list[Part]]]:
    """Title and parts of each, without the tables that stand in front."""
    above, claims = ([files[0] for _, files in front[name]] for name in ("tables", "claims"))
    found = []
    for title, items in sections:
        parts = [
            _ledger(folder, names, *item) if item[1][0] in claims else _item(folder, *item)
            for item in items
            if item[1][0] not in above
        ]
        if parts:
            found.append((title, parts))
    return found


def _heading(title: str) -> Part:
    return Part(f"## {title}", f'<h2 id="{_place(title)}">{escape(title)}</h2>')


def _place(title: str) -> str:
    return "section-" + re.sub(r"\W+", "-", title.lower())


def _contents(titles: Sequence[str]) -> Part:
    shown = [*titles, *FILES]
    links = "".join(f'<a href="#{_place(title)}">{escape(title)}</a> ' for title in shown)
    return Part("", f'<nav aria-label="Contents">{links}</nav>')


def _trained_on(facts: Mapping[str, Any]) -> str:
    names = facts["names"]
    upstream = facts["upstream"]
    targets = ", ".join(names[name] for name in facts["transfer_datasets"])
    strategies, variants = (
        ", ".join(facts.get(k, ())) for k in ("strategies", "variants_on_folds")
    )
    parts = []
    if upstream or strategies:
        start = f"pretrained on {names[upstream]}" if upstream else "with published weights"
        parts.append(f"Networks {start}")
    if targets and strategies:
        parts.append(f", transferred to {targets} by the strategies {strategies}")
    if variants:
        start = ". Networks" if parts else "Networks"
        parts.append(f"{start} trained on the folds of {targets}: {variants}")
    if facts["ood"]:
        parts.append(f"; {names[facts['ood']]} is out of distribution")
    return f"{''.join(parts)}."


def _sampled(facts: Mapping[str, Any]) -> str:
    count = facts["replications"]
    replications = "one replication" if count == 1 else f"each of {count} replications"
    return (
        f"Bayesian networks were sampled {facts['sampled']} in {replications}. "
        "[report.html](report.html) shows the same with the paper's context, once it is made: by "
        f"`make`, or by `snakemake` with `--report results/{facts['run']}/report.html "
        "--report-stylesheet workflow/report/style.css` added to the command of the run."
    )


def _item(folder: Path, title: str, files: Sequence[str]) -> Part:
    """A picture, or a table under its own title."""
    shown = [f"![{title}]({path})" for path in files if path.endswith(".png")]
    if any(path.endswith(".md") for path in files):
        title, text = titled_table(folder, title, files)
        shown.append(text)
    return _shown(title, files, "\n\n".join(shown))


def _ledger(folder: Path, names: Mapping[str, str], title: str, files: Sequence[str]) -> Part:
    title, text = titled_table(folder, title, files)
    whole = f"**{title}**\n\n{text}"
    return _shown(title, files, text, claims_html(read_ledger(folder / files[0]), whole, names))


def _shown(title: str, files: Sequence[str], text: str, html: str | None = None) -> Part:
    """A result under its title, with links to its files."""
    below = f"Files: {links(files)}"
    head = f'<h3 id="{anchor(files[0])}">{escape(title)}</h3>'
    shown = body(text) if html is None else html
    return Part(f"### {title}\n\n{text}\n\n{below}", f"{head}\n{shown}{body(below)}")


def _files(
    folder: Path, found: Mapping[str, Sequence[str]], names: Mapping[str, str]
) -> list[Part]:
    """Notebooks, what was obtained of datasets, and where all numbers come from."""

    def obtained(stem: str) -> str:
        dataset = Path(stem).stem
        return f"{names.get(dataset, dataset)}, what was really obtained"

    texts = (
        _linked(found["notebooks"], lambda stem: stem.replace("_", " ").capitalize()),
        _linked(found["summaries"], obtained),
        _origins(folder, found["metrics"]),
    )
    return [
        part
        for title, text in zip(FILES, texts, strict=True)
        for part in (_heading(title), Part(text))
    ]


def _linked(paths: Sequence[str], name_of: Callable[[str], str]) -> str:
    """A line for each stem, with links to its files."""
    stems: dict[str, list[str]] = {}
    for path in paths:
        stems.setdefault(Path(path).stem, []).append(path)
    return "\n".join(f"- {name_of(stem)}: {links(own)}" for stem, own in stems.items())


def _origins(folder: Path, metrics: Sequence[str]) -> str:
    lines = [f"[{p}]({p}): {METRICS[Path(p).stem.rpartition('.')[2]]}" for p in metrics]
    there = {name: what for name, what in FAMILIES.items() if (folder / name).is_dir()}
    lines += [f"[{name}/]({name}/): {what}" for name, what in there.items()]
    return "\n".join(f"- {line}" for line in lines)


def _leftovers(folder: Path, listed: set[str]) -> list[Part]:
    files = (path for name in PRODUCTS for path in sorted((folder / name).glob("[!.]*.*")))
    names = [path.relative_to(folder).as_posix() for path in files]
    left = [f"- `{name}`" for name in names if name not in listed]
    about = "Made under an earlier config, and no result of this one; they may be deleted."
    return [_heading("Left from before"), Part(f"{about}\n\n" + "\n".join(left))] if left else []

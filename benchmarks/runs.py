"""Keep the small result files of finished runs, and show runs of other seeds side by side.

    python benchmarks/runs.py results/laptop results/laptop_2 --out benchmarks/results/laptop \
        --command "make laptop" --command "snakemake ..."

copies the tables of each run as CSV into a folder of its own under `--out`, with the values that
its Figure 1 shows, and writes `<out>/README.md`: machine, versions, commands, the commit of the
checkout that each run lies in, the scores of all runs on VI-PANN's tables, and for each claim of a
paper the verdict of each run. Of other papers all tables are kept.
"""

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from reporting import machine

from vipann import papers
from vipann.claims.judgement import UNJUDGED
from vipann.plan.products import about_paper

TABLE = re.compile(r"\]\(tables/([a-z0-9_]+)\.csv\)")
# Of VI-PANN; another paper's names start with the paper's.
TABLES = ("table2", "table3", "table4", "table5", "claims", "calibration", "ood", "shortcuts")
_PAPERS = [folder.name for folder in Path(papers.__file__).parent.iterdir() if folder.is_dir()]
_ABOUT = [about_paper(name) for name in sorted(_PAPERS) if not name.startswith("_")]
OTHER_PAPERS = {about["prefix"]: about["short"] for about in _ABOUT if about["prefix"]}
PACKAGES = ("torch", "snakemake", "numpy", "librosa")
SCORES = ["dataset", "strategy", "phase", "metric"]
SMALL = 200_000  # bytes, of a figure's values
ECE_NOTE = (
    "`ece_pooled` is the expected calibration error over the clips of all folds together, the ECE "
    "of a run's tables/calibration.md; upstream it is that of the one network."
)
SHORTCUTS_NOTE = (
    "Separation, the larger of AUROC and 1 - AUROC, by trivial scores; in brackets, of the "
    "networks' uncertainties, those with an AUROC above it."
)
FOLDER_NOTE = (
    "`<folder>`: where the archives lie. Without it they are downloaded: gigabytes for some."
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument("--command", action="append", help="what made each run, in their order")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    if asked.command and len(asked.command) != len(asked.runs):
        parser.error("--command: one for each run")
    for run in asked.runs:
        if not (run / "index.md").is_file():
            parser.error(f"{run}: there is no index.md; has the run finished?")
    asked.out.mkdir(parents=True, exist_ok=True)
    for run in asked.runs:
        keep(run, asked.out / run.name)
    text = "\n".join(report(asked.runs, asked.command or ["?"] * len(asked.runs)))
    (asked.out / "README.md").write_text(text + "\n")
    print(text)


def keep(run: Path, folder: Path) -> None:
    """Copy the tables of a run that have rows, and the values of its Figure 1 if they are small."""
    folder.mkdir(exist_ok=True)
    for earlier in folder.glob("*.csv"):
        earlier.unlink()
    for name in _tables(run):
        if (name in TABLES or _prefix(name)) and len(_read(run, name)):
            shutil.copy(run / "tables" / f"{name}.csv", folder)
    for upstream in _read(run, "table3")["dataset"].unique():
        drawn = run / "figures" / f"retention_{upstream}.csv"
        if drawn.is_file() and drawn.stat().st_size < SMALL:
            shutil.copy(drawn, folder)


def report(runs: Sequence[Path], commands: Sequence[str]) -> list[str]:
    """Lines of Markdown about all runs."""
    facts = machine(*PACKAGES)
    lines = [f"# {', '.join(run.name for run in runs)}", ""]
    lines += [f"{facts.pop('cpu')}, {facts.pop('cores')} cores, {facts.pop('memory_gib')} GiB; "]
    lines[-1] += ", ".join(f"{name} {value}" for name, value in facts.items())
    made = list(_made(runs, commands))
    lines += ["", *_markdown(["Run", "Command", "Commit", "Hours of jobs"], made)]
    if any("<folder>" in command for _, command, *_ in made):
        lines += ["", FOLDER_NOTE]
    names = [run.name for run in runs]
    if scores := list(_scores(runs)):
        lines += ["", "## Scores", "", ECE_NOTE, ""]
        lines += _markdown([*map(str.capitalize, SCORES), *names], scores)
    if detected := list(_auroc(runs)):
        lines += ["", "## Out-of-distribution detection", "", "AUROC, mean over folds.", ""]
        lines += _markdown(["Dataset", "Strategy", "Phase", "Uncertainty", *names], detected)
    if shortcuts := list(_shortcuts(runs)):
        lines += ["", "## The same clips told apart without a network", "", SHORTCUTS_NOTE, ""]
        lines += _markdown(["Dataset", "Score", *names], shortcuts)
    for ledger in dict.fromkeys(name for run in runs for name in _tables(run)):
        if ledger.removeprefix(_prefix(ledger)) == "claims":
            lines += _of_claims(runs, ledger)
    return lines


def _of_claims(runs: Sequence[Path], ledger: str) -> list[str]:
    paper, claims = OTHER_PAPERS.get(_prefix(ledger)), list(_claims(runs, ledger))
    lines = ["", f"## {paper}'s claims" if paper else "## The paper's claims", ""]
    if len(runs) > 1:
        decided = [set(row[2:]) for row in claims if {*row[2:]} - {"", UNJUDGED}]
        same = sum(len(verdicts) == 1 for verdicts in decided)
        whole = f"{len(decided)} verdicts that these runs can decide"
        lines += [f"{same} of {whole} are the same in all runs.", ""]
    judged = [row for row in claims if {*row[2:]} - {"", UNJUDGED}]
    if others := len(claims) - len(judged):
        lines += [f"Not shown: {others}, which cannot be judged here.", ""]
    return lines + _markdown(["Claim", "Dataset", *(run.name for run in runs)], judged)


def _made(runs: Sequence[Path], commands: Sequence[str]) -> Iterable[list[str]]:
    for run, command in zip(runs, commands, strict=True):
        asked = ["git", "-C", str(run), "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
        files = (run / "benchmarks").rglob("*.tsv")
        seconds = sum(pd.read_csv(file, sep="\t")["s"].sum() for file in files)
        # Typed as it is, it would download what `make` was given a folder for.
        mirror = "VIPANN_MIRROR=<folder> " if command.startswith("snakemake ") else ""
        yield [run.name, f"`{mirror}{command}`", commit or "?", f"{seconds / 3600:.2f}"]


def _scores(runs: Sequence[Path]) -> Iterable[list[str]]:
    tables = [pd.concat([_read(run, f"table{n}") for n in (3, 4, 5)]) for run in runs]
    calibration = [_read(run, "calibration").query("metric == 'ece_pooled'") for run in runs]
    shown = [_shown(pd.concat(both)) for both in zip(tables, calibration, strict=True)]
    return _joined(shown)


def _auroc(runs: Sequence[Path]) -> Iterable[list[str]]:
    tables = []
    for run in runs:
        table = _read(run, "ood")
        table = table[table["metric"].str.startswith("auroc_")] if len(table) else table
        tables.append(_shown(table))
    return _joined(tables)


def _shortcuts(runs: Sequence[Path]) -> Iterable[list[str]]:
    keys, tables = ["dataset", "score"], []
    for run in runs:
        table = _read(run, "shortcuts")
        shown = [
            f"{row.separation:.3f} ({row.uncertainties_above} of {row.uncertainties})"
            for row in table.itertuples()
        ]
        tables.append(table.reindex(columns=keys).assign(shown=shown))
    return _joined(tables, keys)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    value = table["value"]
    if "ours" in table:
        value = value.where(table["ours"].isna(), table["ours"])
    error = table["standard_error"].map(lambda e: "" if pd.isna(e) else f" ± {e:.3f}")
    return table.assign(shown=value.map("{:.3f}".format) + error)


def _joined(tables: Sequence[pd.DataFrame], keys: Sequence[str] = SCORES) -> Iterable[list[str]]:
    columns = [table.set_index(list(keys))["shown"] for table in tables]
    together = pd.concat(columns, axis=1, sort=False).fillna("–")
    return (
        [*map(str, index), *row]
        for index, row in zip(together.index, together.to_numpy(), strict=True)
    )


def _claims(runs: Sequence[Path], ledger: str) -> Iterable[list[str]]:
    """Sentence, dataset and each run's verdict, empty where the run's ledger lacks the row, or the
    run the ledger."""
    keys = ["claim", "dataset"]
    nothing = pd.DataFrame(columns=[*keys, "verdict", "sentence"])
    tables = [
        pd.read_csv(run / f"tables/{ledger}.csv", keep_default_na=False)
        if ledger in _tables(run)
        else nothing
        for run in runs
    ]
    verdicts = pd.concat([table.set_index(keys)["verdict"] for table in tables], axis=1, sort=False)
    sentences = pd.concat(tables).drop_duplicates("claim").set_index("claim")["sentence"]
    for (claim, dataset), row in verdicts.iterrows():
        yield [sentences[claim], dataset, *row.fillna("")]


def _tables(run: Path) -> list[str]:
    """The stems of the run's tables, as its index has them."""
    return TABLE.findall((run / "index.md").read_text(encoding="utf-8"))


def _prefix(table: str) -> str:
    """What the names of a paper's tables start with, VI-PANN's with nothing."""
    return next((prefix for prefix in OTHER_PAPERS if table.startswith(prefix)), "")


def _read(run: Path, name: str) -> pd.DataFrame:
    """A table of the run; without rows where its index has none of that name."""
    columns = ["dataset", "strategy", "phase", "metric", "value", "standard_error"]
    is_current = name in _tables(run)
    return pd.read_csv(run / f"tables/{name}.csv") if is_current else pd.DataFrame(columns=columns)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{' :-- |' * len(head)}",
        *(f"| {' | '.join(map(str, row))} |" for row in rows),
    ]


if __name__ == "__main__":
    main()

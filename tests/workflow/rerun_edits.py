"""The edits of the rerun matrix: what is changed, and which rules are the first to rerun.

An edit changes files of a checkout, or adds a layer to its config, or arguments to its command;
`starts` are the rules with jobs that rerun though none that comes before them does, or that lack
an output. What follows from these is looked up in docs/reruns.md, row by row.
"""

import ast
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

TRAINING = {"pretrain", "scratch"}  # transfer comes after pretrain
PREDICTING = {"predict", "predict_upstream", "ood", "ood_upstream"}
DRAWING = {"figure"}
LIBRARY = "src/vipann"
OPTIMIZER = (f"{LIBRARY}/training/objective.py", "optimizer")


@dataclass(frozen=True)
class Edit:
    """One row: `change` gets the checkout's folder; `config` is merged over the run's config."""

    name: str
    starts: set[str] = field(default_factory=set)
    change: Callable[[Path], None] | None = None
    config: Mapping | None = None
    arguments: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def code(path: str) -> Callable[[Path], None]:
    """One more statement in a module."""
    return lambda root: append(root / path, "\n_EDITED = 1\n")


def in_function(path: str, name: str) -> Callable[[Path], None]:
    """One more statement at the start of a function."""

    def change(root: Path) -> None:
        lines = (root / path).read_text().splitlines(keepends=True)
        functions = (
            n for n in ast.walk(ast.parse("".join(lines))) if isinstance(n, ast.FunctionDef)
        )
        (found,) = (node for node in functions if node.name == name)
        first = found.body[1] if ast.get_docstring(found) else found.body[0]
        lines.insert(first.lineno - 1, " " * first.col_offset + "_edited = 1\n")
        (root / path).write_text("".join(lines))

    return change


def unused_function(path: str) -> Callable[[Path], None]:
    return lambda root: append(root / path, "\n\ndef _unused():\n    return 1\n")


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def substitute(path: str, pattern: str, by: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text, count = re.subn(pattern, by, (root / path).read_text(), count=1)
        assert count == 1, f"{path} has nothing like {pattern!r}"
        (root / path).write_text(text)

    return change


def sources(root: Path) -> list[Path]:
    return [*(root / "src").rglob("*.py"), *(root / "workflow/scripts").glob("*.py")]


def comment_everywhere(root: Path) -> None:
    for path in [*sources(root), *(root / "workflow").rglob("*.smk")]:
        append(path, "\n# A comment.\n")


def rewrite_everywhere(root: Path) -> None:
    """Other docstrings, no comments, another layout: the same syntax."""
    for path in sources(root):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
                node.body[0].value.value = "Another docstring."
        path.write_text(ast.unparse(tree) + "\n")


def touch_everything(root: Path) -> None:
    for folder in ("src", "workflow", "config", "notebooks"):
        for path in (root / folder).rglob("*"):
            os.utime(path)


def replace_clip(root: Path) -> None:
    """Other samples in a file of the same length."""
    clip = sorted((root / "recordings").rglob("*.wav"))[0]
    content = clip.read_bytes()
    clip.write_bytes(content[:-200] + bytes(200))


def add_clip(root: Path) -> None:
    clip = sorted((root / "recordings").rglob("*.wav"))[0]
    clip.with_name("new.wav").write_bytes(clip.read_bytes())


def reverse_config(root: Path) -> None:
    """Every mapping of the config with its keys in the opposite order, but the datasets."""

    def turned(value: object, above: str = "") -> object:
        if not isinstance(value, dict):
            return value
        keys = value if above == "datasets" else reversed(value)
        return {key: turned(value[key], key) for key in keys}

    for path in (root / "config/config.yaml", root / "config/micro.yaml"):
        path.write_text(yaml.safe_dump(turned(yaml.safe_load(path.read_text())), sort_keys=False))


MORE_SCENES = {
    "adapter": "synthetic",
    "task": "multiclass",
    "clip_seconds": 5.0,
    "padding": "zero",
    "folds": 2,
    "options": {
        "set": "scenes",
        "sample_rate": 32000,
        "clips_per_class_and_fold": 2,
        "snr_db": [5, 25],
        "classes": ["bell", "rain"],
    },
}
NO_REASON = {
    "accelerator": "auto",
    "loader_workers": 1,
    "data": {"max_rejected": 0.5},
    "evaluation": {"batch_size": 3},
}
DATASET_JOBS = {"audio", "manifest", "shared_recordings", "features", "dataset_summary"}

EDITS = [
    # The same run, seen from elsewhere
    Edit("nothing"),
    Edit("other number of cores", arguments=("--cores", "1")),
    Edit("the other profile (`--profile slurm`)", arguments=("--profile", "slurm")),
    Edit("every file touched", change=touch_everything),
    Edit("accelerator, worker processes, batch size of evaluation", config=NO_REASON),
    Edit(
        "keys of the config files in another order",
        change=reverse_config,
    ),
    Edit("a comment in `environment.yml`", change=lambda r: append(r / "environment.yml", "# A\n")),
    # Code
    Edit("a comment in every module, script and rule file", change=comment_everywhere),
    Edit("other docstrings and layout in every module", change=rewrite_everywhere),
    Edit(
        "an unused function in a module of its own",
        change=lambda r: (r / LIBRARY / "extra.py").write_text("def unused():\n    return 1\n"),
    ),
    Edit(
        "an unused function in the training loop",
        change=unused_function(f"{LIBRARY}/training/loop.py"),
    ),
    Edit(
        "a pooling that no network of the run has",
        change=unused_function(f"{LIBRARY}/models/pooling.py"),
    ),
    Edit(
        "optimizer code",
        TRAINING,
        change=in_function(*OPTIMIZER),
    ),
    Edit(
        "code of MOPED",
        {"moped"},
        change=in_function(f"{LIBRARY}/training/importing.py", "initialise_with_moped"),
    ),
    Edit(
        "code of the log-mel front end",
        {"features"},
        change=in_function(f"{LIBRARY}/features/front_ends/logmel.py", "__init__"),
    ),
    Edit(
        "code of one dataset's adapter",
        {"manifest"},
        change=code(f"{LIBRARY}/datasets/adapters/folder.py"),
    ),
    Edit(
        "code of the Monte Carlo predictions",
        PREDICTING,
        change=in_function(f"{LIBRARY}/evaluation/predict.py", "score"),
    ),
    Edit(
        "code of the metrics",
        {"metrics"},
        change=in_function(f"{LIBRARY}/evaluation/metrics.py", "metrics_of"),
    ),
    Edit(
        "a colour of the box plot",
        DRAWING,
        change=substitute(f"{LIBRARY}/figures/style.py", '"#E69F00"', '"#CC79A7"'),
    ),
    Edit(
        "layout of the tables",
        {"table"},
        change=in_function(f"{LIBRARY}/tables/layout.py", "markdown"),
    ),
    # Words and numbers
    Edit(
        "a number of the paper",
        {"complexity", "table"},
        change=substitute(f"{LIBRARY}/papers/vi_pann/tables.csv", r"\d\.\d+", r"\g<0>1"),
    ),
    Edit(
        "text of a notebook",
        {"notebook"},
        change=substitute(
            "notebooks/pretraining.ipynb",
            '"cell_type": "markdown"(?s:.*?)"source": \\[\\s*"',
            r"\g<0>More. ",
        ),
    ),
    Edit(
        "caption of a figure in the report",
        change=substitute(
            f"{LIBRARY}/papers/vi_pann/figures/retention.py", "Bands, at", "More. Bands, at"
        ),
    ),
    # Settings
    Edit(
        "learning rate of the fixed phase",
        {"transfer"},
        config={"transfer": {"fixed": {"learning_rate": 0.5}}},
    ),
    Edit(
        "learning rate of the finetuned phase",
        {"transfer"},
        config={"transfer": {"finetuned": {"learning_rate": 0.5}}},
    ),
    Edit("learning rate from scratch", {"scratch"}, config={"scratch": {"learning_rate": 0.5}}),
    Edit(
        "pretraining steps of drop alone",
        {"pretrain"},
        config={"pretrain": {"steps": {"drop": 3}}},
    ),
    Edit(
        "prior of the Flipout layers",
        {"moped", "transfer"},
        config={"bayesian": {"prior_sigma": 0.5}},
    ),
    Edit(
        "number of replications",
        PREDICTING,
        config={"evaluation": {"replications": 3}},
    ),
    Edit(
        "number of retained fractions",
        {"metrics"},
        config={"evaluation": {"retained_fractions": 6}},
    ),
    Edit(
        "window of the features", {"features"}, config={"features": {"logmel": {"window": "hann"}}}
    ),
    Edit("font size of the figures", DRAWING, config={"figures": {"font_size": 11}}),
    Edit(
        "seed",
        {"audio", "manifest"},
        config={"seed": 1},
    ),
    # What there is to train and to hear
    Edit("one clip of a user's folder replaced", {"manifest"}, change=replace_clip),
    Edit("one clip put into a user's folder", {"manifest"}, change=add_clip),
    Edit(
        "a strategy added",
        {"transfer", "predict", "ood", "metrics", "figure"},
        config={"transfer": {"strategies": ["det_flip", "drop"]}},
    ),
    Edit(
        "a fold removed",
        {"metrics", "figure"},
        config={"transfer": {"folds": [1]}},
    ),
    Edit(
        "a dataset added",
        DATASET_JOBS
        | {"transfer", "scratch", "predict", "ood", "metrics", "table"}
        | {"notebook", "pages"}
        | DRAWING,
        config={
            "transfer_datasets": ["synthetic_scenes", "more_scenes"],
            "datasets": {"more_scenes": MORE_SCENES},
        },
    ),
]

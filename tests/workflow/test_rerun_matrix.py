"""What a finished run reruns after an edit: `snakemake -n` in a checkout of its own, row by row."""

import ast
import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from checkout import copy_files
from documented import UPDATING, read_rows, wording, write_rows
from rerun_edits import EDITS, OPTIMIZER, Edit, in_function, sources
from workflow_harness import MICRO, ROOT

from vipann.config import merge, read_layer
from vipann.provenance.code_record import read
from vipann.provenance.definitions import Project

pytestmark = pytest.mark.xdist_group("rerun_matrix")

DOC = ROOT / "docs/reruns.md"
HEAD = ("after this edit", "jobs that `snakemake -n` plans")
COPIES = ("the checkout moved to another path", "a fresh clone, with the results copied into it")
NAMES = [*(edit.name for edit in EDITS), *COPIES]
BY_ANOTHER_JOB = "input files updated by another job"

DEMO = read_layer(ROOT / "config/demo.yaml")["datasets"]
CONFIG = merge(
    {"datasets": {name: DEMO[name] for name in ("synthetic_events", "synthetic_scenes")}},
    MICRO,
    {
        "upstream": "synthetic_events",
        "transfer_datasets": ["synthetic_scenes"],
        "ood": "recordings",
        "loader_workers": 0,
        "datasets": {
            "synthetic_events": {
                "options": {"train_clips": 8, "eval_clips": 12, "classes": ["voice", "bell"]}
            },
            "synthetic_scenes": {
                "folds": 2,
                "options": {"clips_per_class_and_fold": 2, "classes": ["engine", "siren"]},
            },
            "recordings": {
                "adapter": "folder",
                "task": "unlabelled",
                "clip_seconds": 5.0,
                "padding": "zero",
                "folds": 0,
                "options": {"path": "recordings", "windows": True},
            },
        },
        "pretrain": {"steps": {"det": 1, "drop": 1, "flip": 1}},
        "transfer": {"strategies": ["det_flip"]},
        "scratch": {"strategies": ["det"]},
        "evaluation": {"replications": 2},
    },
)


class Checkout:
    """A folder with the repository's files, where a user runs Snakemake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, **environment: str) -> str:
        command = [sys.executable, "-m", "snakemake", "--configfile", "config/micro.yaml"]
        found = subprocess.run(
            [*command, *arguments],
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout + found.stderr

    def accept(self) -> None:
        """What `make accept RUN=micro` does."""
        command = [sys.executable, "workflow/accept.py", "micro"]
        found = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout + found.stderr

    def planned(self, edit: Edit | None = None) -> tuple[dict[str, int], set[str]]:
        """Jobs by rule, and the rules that are planned for a reason of their own."""
        arguments = ["-n", "--quiet", "rules", *(edit.arguments if edit else ())]
        if edit and edit.config:
            layer = self.folder / "config/edit.yaml"
            layer.write_text(yaml.safe_dump(dict(edit.config)))
            arguments[:0] = ["config/edit.yaml"]
        return planned_jobs(self(*arguments))


def planned_jobs(output: str) -> tuple[dict[str, int], set[str]]:
    words = [line.split() for line in output.splitlines()]
    jobs = {w[0]: int(w[1]) for w in words if len(w) == 2 and w[1].isdigit()}
    reasons = output.rpartition("Reasons:\n")[2].splitlines() if "Reasons:\n" in output else []
    starts: set[str] = set()
    for reason, rules in itertools.pairwise(reasons):
        if reason.strip().rstrip(":") != BY_ANOTHER_JOB and rules.startswith(" " * 8):
            starts |= set(rules.strip().split(", "))
    return {r: n for r, n in jobs.items() if r not in ("total", "all")}, starts - {"all"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout whose micro run has ended, with the user's own audio in it."""
    folder = tmp_path_factory.mktemp("matrix") / "checkout"
    copy_files(folder)
    noise = np.random.default_rng(0)
    for name in ("a", "b"):
        path = folder / f"recordings/ships/{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise.uniform(-0.5, 0.5, 8000 * 6), 8000)
    (folder / "config/micro.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    checkout = Checkout(folder)
    traces = folder.with_name("traces")
    traces.mkdir()
    hooks = str(Path(__file__).parent / "hooks")
    checkout("--cores", "2", "--quiet", "all", PYTHONPATH=hooks, VIPANN_TRACES=str(traces))
    return checkout


@pytest.fixture(scope="module")
def rows():
    """The document's rows; those of the tests that ran are written if so wished."""
    found = read_rows(DOC)
    yield found
    if UPDATING:
        write_rows(DOC, HEAD, {name: found[name] for name in NAMES if name in found})


@pytest.fixture
def as_it_was(finished):
    """Take the edit back: the files' contents and times, and files that were added."""
    kept = [*sources(finished.folder)]
    for name in ("workflow", "config", "notebooks", "recordings", "src"):
        kept += [path for path in (finished.folder / name).rglob("*") if path.is_file()]
    kept = [*dict.fromkeys(kept), finished.folder / "environment.yml"]
    before = {path: (path.read_bytes(), path.stat()) for path in kept}
    yield
    for name in ("workflow", "config", "notebooks", "recordings", "src"):
        for path in (finished.folder / name).rglob("*"):
            if path.is_file() and path not in before:
                path.unlink()
    for path, (content, facts) in before.items():
        path.write_bytes(content)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_what_jobs_ran_is_in_their_fingerprints(finished):
    """Every function of the library that a job of the run called counts for its script."""
    project = Project(finished.folder / "src")
    counted, ran = defaultdict(set), 0
    for code in read(next(finished.folder.glob("results/*/code.json"))).values():
        counted[code.script] |= set(code.definitions)
    for trace in finished.folder.with_name("traces").glob("*.json"):
        script = trace.name.partition(".")[2].partition(".py.")[0] + ".py"
        for file, function in json.loads(trace.read_text()):
            module = file.partition("/src/")[2].removesuffix(".py").replace("/", ".")
            module = module.removesuffix(".__init__")
            outer = function.partition(".<")[0]
            # The module itself, a class's body and lambdas of constants run when it is imported.
            if outer.startswith("<") or is_class(project, module, outer):
                continue
            assert f"{module}.{outer}" in counted[script], (script, module, function)
            ran += 1
    assert len(counted) > 15
    assert ran > 3000


def is_class(project, module, name):
    statements = project.source(module).definitions.get(name, [])
    return bool(statements) and all(isinstance(s, ast.ClassDef) for s in statements)


def compare(rows, name, jobs, show):
    show("Jobs planned after an edit of the finished micro run", f"  {name}: {wording(jobs)}")
    if UPDATING:
        rows[name] = wording(jobs)
    assert rows.get(name) == wording(jobs), f"{DOC.name} says otherwise; see VIPANN_UPDATE_DOCS"


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.slug)
def test_an_edit_reruns_what_depends_on_it(finished, as_it_was, rows, edit, show):
    if edit.change:
        edit.change(finished.folder)
    jobs, starts = finished.planned(edit)
    compare(rows, edit.name, jobs, show)
    assert starts == edit.starts


def test_another_path_of_the_checkout_reruns_nothing(finished, rows, show):
    moved = finished.folder.with_name("elsewhere")
    finished.folder.rename(moved)
    try:
        jobs, _ = Checkout(moved).planned()
    finally:
        moved.rename(finished.folder)
    assert jobs == {}
    compare(rows, COPIES[0], jobs, show)


def test_a_fresh_clone_with_the_results_copied_reruns_nothing(finished, rows, show):
    clone = finished.folder.with_name("clone")
    copy_files(clone, finished.folder, ("config/micro.yaml",))
    for name in ("results/micro", ".snakemake", "recordings"):
        shutil.copytree(finished.folder / name, clone / name, symlinks=True)
    jobs, _ = Checkout(clone).planned()
    assert jobs == {}
    compare(rows, COPIES[1], jobs, show)


@pytest.fixture
def copied(finished, tmp_path):
    """The finished run in a checkout of its own, which a test may spoil."""
    copy_files(tmp_path / "copied", finished.folder, ("config/micro.yaml",))
    for name in ("results/micro", ".snakemake", "recordings"):
        shutil.copytree(finished.folder / name, tmp_path / "copied" / name, symlinks=True)
    return Checkout(tmp_path / "copied")


def test_accepted_results_do_not_rerun(copied):
    in_function(*OPTIMIZER)(copied.folder)
    planned, _ = copied.planned()
    assert planned["pretrain"] == 3
    assert planned["transfer"] == 4
    results = copied.folder / "results/micro"
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*.safetensors")}
    copied.accept()
    assert copied.planned() == ({}, set())
    assert before == {path: path.stat().st_mtime_ns for path in before}
    said = (results / "accepted.md").read_text()
    differing = {line.strip() for line in said.splitlines() if line.startswith("  - ")}
    assert len(differing) == 1
    assert OPTIMIZER[1] in differing.pop()
    assert "pretrain 3" in said
    assert "transfer 4" in said
    with pytest.raises(AssertionError, match="Nothing to accept"):
        copied.accept()


def test_what_is_not_finished_is_not_accepted(copied):
    """One result is gone, one was left behind by a killed job, and some have other settings."""
    in_function(*OPTIMIZER)(copied.folder)
    config = yaml.safe_load((copied.folder / "config/micro.yaml").read_text())
    changed = merge(config, {"scratch": {"learning_rate": 0.5}})
    (copied.folder / "config/micro.yaml").write_text(yaml.safe_dump(changed, sort_keys=False))
    checkpoints = "results/micro/checkpoints"
    for name in ("fixed", "finetuned"):
        path = f"{checkpoints}/synthetic_scenes/det_flip/fold1/{name}.safetensors"
        (copied.folder / path).unlink()
    killed = f"{checkpoints}/upstream/drop.safetensors"
    key = base64.urlsafe_b64encode(killed.encode()).decode()
    (copied.folder / ".snakemake/incomplete" / key).touch()
    copied.accept()
    planned, starts = copied.planned()
    assert starts >= {"pretrain", "transfer", "scratch"}
    assert (planned["pretrain"], planned["transfer"], planned["scratch"]) == (1, 2, 2)
    said = (copied.folder / "results/micro/accepted.md").read_text()
    assert "- pretrain 2: pretrain.py" in said
    assert "- transfer 2: transfer.py" in said
    assert "scratch" not in said


def test_every_job_left_its_settings_and_its_code_on_record(finished):
    """One dictionary of plain values: only such can be compared by what they print."""
    without_code = {"download.py", "fetch.py"}  # what they fetch is known by its sum, not by them
    files = [f for f in (finished.folder / ".snakemake/metadata").rglob("*") if f.is_file()]
    records = [json.loads(file.read_text()) for file in files]
    scripts = {record["rule"]: Path(record["code"].strip().strip('"')).name for record in records}
    assert len(scripts) > 15
    codes = json.loads((finished.folder / "results/micro/code.json").read_text())
    for record in records:
        (settings,) = [ast.literal_eval(value) for value in record["params"]]
        script = scripts[record["rule"]]
        if script not in without_code:
            assert codes[settings["code"]]["script"] == script, record["rule"]
            assert codes[settings["code"]]["definitions"]
        assert list(settings) == sorted(settings)


def test_the_document_has_a_row_for_every_edit_and_no_other():
    if not UPDATING:
        assert list(read_rows(DOC)) == NAMES

"""What scripts take from the config past the params of their rules."""

import ast
from collections.abc import Iterator

import pytest
from workflow_harness import ROOT

# It changes no result. Anything else has to go through the params, or its change reruns nothing.
PAST_PARAMS = {
    "accelerator",
    "loader_workers",
    "evaluation.batch_size",
    "data.max_rejected",
    "transfer.folds",  # for which folds the manifest is refused
    "pretrain.checkpoints",  # how to get a file
    "datasets.*.archives",  # where to get a file
    "datasets.*.options",  # how to fetch clips
    "training.checkpoint_every",
    "training.tensorboard",
    "pretrain.validate_every",
}
# For the mirror; for how a training runs, of which `runtime_of` takes some keys; to hand it in.
WHOLE_CONFIG = {"download.py", "pretrain.py", "transfer.py", "scratch.py", "go_on.py", "index.py"}


def config_keys(script: ast.AST, name: str = "snakemake.config") -> Iterator[str]:
    """Dotted keys that a script looks up in the config; "" where it takes all of it."""
    parents = {child: node for node in ast.walk(script) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(script):
        if not (isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) == name):
            continue
        keys: list[str] = []
        while isinstance(above := parents[node], ast.Subscript) and above.value is node:
            constant = isinstance(above.slice, ast.Constant)
            keys.append(str(above.slice.value) if constant else "*")
            node = above
        yield ".".join(keys)


@pytest.mark.parametrize(
    "script", sorted((ROOT / "workflow/scripts").glob("*.py")), ids=lambda path: path.stem
)
def test_what_a_script_takes_past_its_params_changes_no_result(script):
    found = set(config_keys(ast.parse(script.read_text())))
    assert not surplus(found - ({""} if script.name in WHOLE_CONFIG else set()))


def test_how_a_training_runs_changes_no_result():
    tree = ast.parse((ROOT / "src/vipann/training/launch.py").read_text())
    runtime_of = next(n for n in tree.body if getattr(n, "name", "") == "runtime_of")
    found = set(config_keys(runtime_of, "config"))
    assert "training.checkpoint_every" in found
    assert not surplus(found)


def surplus(keys: set[str]) -> set[str]:
    return {key for key in keys if not any(key.startswith(allowed) for allowed in PAST_PARAMS)}


def test_config_keys_are_found_in_every_form():
    code = "f(snakemake.config['a']['b'])\ng(snakemake.config['c'][w]['d'])\nx = snakemake.config"
    assert sorted(config_keys(ast.parse(code))) == ["", "a.b", "c.*.d"]

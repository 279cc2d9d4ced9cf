import ast
import os
import subprocess
import sys
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
# Whose jobs build networks. A job of seconds has no use for the two that torch takes to import.
WITH_TORCH = {
    *("pretrain", "transfer", "scratch", "moped", "import_weights", "average"),
    *("predict", "complexity", "variant_cost", "fold_metrics"),
    *(
        "samples",
        "go_on",
        "one_training",
        "embed",
        "laplace",
    ),
    *("export_model", "survey_part"),
}
# What others choose: PSLA's chances of clips are the training's own, and torchaudio's front end.
CHOICES_WITH_TORCH = {
    *("papers/psla/claims", "papers/psla/figures/figure5", "papers/psla/figures/figure6"),
    "features/front_ends/kaldi_fbank",
}
CHOICES = ("papers/*/claims", "papers/*/tables/*.py", "papers/*/figures/*.py")
CHOICES += ("datasets/adapters/*.py", "features/front_ends/*.py")


def test_imports_point_one_way_and_close_no_circle():
    config = ROOT / "pyproject.toml"
    assert lint_imports(config_filename=str(config), no_cache=True) == EXIT_STATUS_SUCCESS


def test_scripts_that_need_no_torch_import_none():
    steps = {}
    for script in sorted((ROOT / "workflow/scripts").glob("*.py")):
        if script.stem not in WITH_TORCH:
            nodes = ast.walk(ast.parse(script.read_text()))
            imports = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
            steps[script.name] = "\n".join(map(ast.unparse, imports))
    package = ROOT / "src/vipann"
    for path in sorted(path for pattern in CHOICES for path in package.glob(pattern)):
        name = path.relative_to(package).with_suffix("").as_posix()
        if name not in CHOICES_WITH_TORCH:
            steps[name] = "import vipann." + name.replace("/", ".").removesuffix(".__init__")
    program = (
        "import sys\n"
        f"for name, imports in {steps!r}.items():\n"
        "    exec(imports)\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(name + ' imports torch')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert len(steps) > 60
    assert done.returncode == 0, done.stderr


def test_no_two_test_files_share_a_name():
    """Together in one run they would be one module to pytest, and the second is refused."""
    files = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(files) == sorted(set(files))

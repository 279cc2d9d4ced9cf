"""What `pip install .` gives: the library with its data, the command, Snakemake's logger."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_an_installed_package_is_whole(tmp_path):
    # pip builds in the folder that it is given.
    copy, target = tmp_path / "copy", tmp_path / "target"
    shutil.copytree(
        ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("*.egg-info", "__*__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(copy)], check=True)
    sources = {
        path.relative_to(copy / "src")
        for path in (copy / "src").rglob("*")
        if path.is_file() and "egg-info" not in str(path)
    }
    assert {path for path in sources if not (target / path).is_file()} == set()
    program = f"import sys; sys.path[:0] = [{str(target)!r}]; from vipann.cli.main import main; "
    command = [sys.executable, "-I", "-c", f"{program}sys.exit(main(['--help']))"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "vipann COMMAND --help" in shown
    assert (target / "bin/vipann").is_file()

"""Copies of the repository, as a clone has it."""

import shutil
import subprocess
from pathlib import Path

from workflow_harness import ROOT


def copy_files(target: Path, source: Path = ROOT, more: tuple[str, ...] = ()) -> None:
    """The repository's files, and `more`, from `source`: with new times, as a clone has them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in [*listed.stdout.splitlines(), *more]:
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)

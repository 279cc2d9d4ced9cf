"""What every benchmark writes down of itself: the machine, the versions, the result files."""

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> dict[str, str | int | float]:
    """Processor, memory and system, and the versions of Python and `packages`."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def command(mirror: str | Path | None = None) -> str:
    """What was called; where the archives lie on one machine means nothing elsewhere."""
    words = ["<folder>" if mirror and word == str(mirror) else word for word in sys.argv]
    return " ".join(["python", *words])


def publish(report: dict, text: str, out: Path | None, show: bool = True) -> None:
    """Print `text`; with `out`, a path without ending, write it there and `report` as JSON."""
    if show:
        print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        out.with_suffix(".md").write_text(text)

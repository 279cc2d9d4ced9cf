"""What a run keeps of its code: so that what differs can be named when results are accepted.

`code.json` in the run's folder has an entry for each fingerprint: the script, the commit at which
Snakemake first planned with it, and the digest of every definition that it counts.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from vipann.files import replacing


@dataclass(frozen=True)
class Code:
    """What one fingerprint stands for; definitions: see `vipann.provenance.fingerprint.counted`."""

    script: str
    definitions: Mapping[str, str]
    commit: str = ""


def keep(codes: Mapping[str, Code], file: Path, checkout: Path) -> dict[str, Code]:
    """Add what `file` has not yet of `codes` (by fingerprint), and return all that it has."""
    known = read(file)
    commit = commit_of(checkout)
    new = {key: Code(code.script, code.definitions, commit) for key, code in codes.items()}
    if new.keys() - known.keys():
        known = new | known
        with replacing(file) as partial:
            entries = {key: asdict(known[key]) for key in sorted(known)}
            partial.write_text(json.dumps(entries, indent=0), encoding="utf-8")
    return known


def read(file: Path) -> dict[str, Code]:
    """By fingerprint; empty where there is no such file."""
    entries = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {key: Code(**entry) for key, entry in entries.items()}


def commit_of(checkout: Path) -> str:
    """The commit of a checkout, "... with edits" where tracked files differ; "no commit" outside
    of git."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return found.replace("-dirty", " with edits")


def differences(before: Code, now: Code) -> list[str]:
    """Names of definitions: "a.b" where it is another one, "a.b (new)", "a.b (gone)"."""
    old, new = before.definitions, now.definitions
    marks = {
        name: "" if name in old and name in new else " (new)" if name in new else " (gone)"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
    return [f"{name}{mark}" for name, mark in marks.items()]

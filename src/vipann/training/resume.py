"""What a training needs to go on after it was killed, kept in a folder that no rule declares.

Snakemake deletes the declared outputs of a job that failed and leaves this folder alone. Its name
holds a hash of all that decides the training's result, so that another setting, other data or other
code start in another folder.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from vipann.errors import UserError
from vipann.files import enough_space, replacing

KEPT = 2
_RECORD = "settings.json"
_ABSENT = "(absent)"


class ResumeStates:
    """The states of one training, in `<folder>/<hash of settings>`; the newest `KEPT` of them.

    `settings`: JSON-like, everything that decides the result. A state is a dict that torch can save
    and load without running code, with the key `step`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.settings = json.loads(json.dumps(settings, sort_keys=True))
        text = json.dumps(self.settings, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]

    def save(self, state: Mapping[str, Any]) -> Path:
        """Write a state: whole and on the disk before it bears its name; older ones go then."""
        record = self.folder / _RECORD
        if not record.exists():
            with replacing(record) as beside:
                beside.write_text(json.dumps(self.settings, indent=2) + "\n")
        path = self.path(state["step"])
        needed = sum(leaf.nbytes for leaf in tree_leaves(state) if isinstance(leaf, torch.Tensor))
        with enough_space(path, needed), replacing(path) as part, part.open("wb") as stream:
            torch.save({**state, "settings": self.settings}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        _sync_folder(self.folder)
        for old in self._newest_first()[KEPT:]:
            old.unlink()
        return path

    def load(self) -> dict[str, Any] | None:
        """The newest state that can be read, on the CPU; None where there is none.

        Raises:
            UserError: it was made under other settings; each that differs is named.
        """
        for rest in self.folder.glob(".*.partial*"):  # a kill came while it was written
            rest.unlink(missing_ok=True)
        for path in self._newest_first():
            try:
                state = torch.load(path, map_location="cpu", weights_only=True)
                step, made_under = state["step"], state["settings"]
            except Exception as error:  # torch raises whatever the broken bytes lead to
                reason = (str(error) or repr(error)).splitlines()[0]
                print(f"{path} can't be read ({reason}): the one before is taken")
                continue
            self._refuse_others(path, made_under)
            print(f"going on from step {step}: {path}", flush=True)
            return state
        self._name_older_runs()
        return None

    def path(self, step: int) -> Path:
        return self.folder / f"step{step:010}.pt"

    def remove(self) -> None:
        """Delete this training's states, once its result is safe."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # another setting's states lie there too
            self.folder.parent.rmdir()

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("step*.pt"), reverse=True)

    def _refuse_others(self, path: Path, made_under: Mapping[str, Any]) -> None:
        if differing := differences(made_under, self.settings):
            raise UserError(
                f"{path} is the state of a training under other settings:\n  "
                + "\n  ".join(differing)
                + f"\nGo back to those settings, or delete {self.folder} to start anew."
            )

    def _name_older_runs(self) -> None:
        for record in sorted(self.folder.parent.glob(f"*/{_RECORD}")):
            found = sorted(record.parent.glob("step*.pt"))
            if record.parent == self.folder or not found:
                continue
            differing = differences(json.loads(record.read_text()), self.settings)
            print(
                f"an unfinished training under other settings lies in {record.parent} "
                f"({found[-1].stem}): {'; '.join(differing)}. Delete it if you won't go back.",
                flush=True,
            )


def generator_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of torch's generators, from which alone a training draws."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_generators(states: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Set torch's generators to what `generator_states` gave."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One line per key whose value differs: `a.b: 1 then, 2 now`."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        then, now = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            lines += differences(then, now, f"{prefix}{key}.")
        elif then != now:
            lines.append(f"{prefix}{key}: {then} then, {now} now")
    return lines


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

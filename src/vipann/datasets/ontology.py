"""An ontology of sounds in AudioSet's format (Gemmeke et al. 2017): which class is a kind of which.

A JSON list of entries with `id`, `name`, `child_ids` (ids of its kinds) and `restrictions`. An
entry may have several parents; none is its own ancestor.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

import numpy as np

from vipann.errors import UserError

Relation = Literal["child", "parent", "ancestor"]
# A heading that no clip is ever labelled with, such as "Onomatopoeia".
_HEADING = ["abstract"]


@dataclass(frozen=True, eq=False)
class Ontology:
    """names: id -> name; children, parents: id -> ids; headings: ids that are no sound."""

    source: str
    names: Mapping[str, str]
    children: Mapping[str, Sequence[str]]
    parents: Mapping[str, Sequence[str]]
    headings: frozenset[str]

    def ids_of(self, classes: Sequence[str], known: Mapping[str, str]) -> list[str]:
        """The entries that `classes` stand for: by `known` (class -> id), or by their names there.

        Raises:
            UserError: names the classes that are no entry, or two that are the same.
        """
        by_name = {name: own for own, name in self.names.items()}
        ids = [known.get(name, by_name.get(name, "")) for name in classes]
        lost = [name for name, own in zip(classes, ids, strict=True) if own not in self.names]
        if lost:
            shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
            raise UserError(f"{self.source}: has no entry for the classes {shown}.")
        if len(set(ids)) < len(ids):
            twice = next(name for n, name in enumerate(classes) if ids[n] in ids[:n])
            raise UserError(f"{self.source}: two classes are one entry; the second is {twice!r}.")
        return ids

    def related(self, ids: Sequence[str], relation: Relation) -> np.ndarray:
        """(C, C) bool: [k, n] is true where class n is a child, parent or ancestor of class k.

        Children and parents are direct ones. On the way to an ancestor lie classes and other
        entries, but no heading that is none of the classes, as in PSLA's published code.
        """
        number = {own: n for n, own in enumerate(ids)}

        @cache
        def ancestors(own: str) -> frozenset[str]:
            above = [p for p in self.parents[own] if p not in self.headings or p in number]
            return frozenset(above).union(*map(ancestors, above))

        find = {"child": self.children.get, "parent": self.parents.get, "ancestor": ancestors}
        found = np.zeros((len(ids), len(ids)), dtype=bool)
        for row, own in enumerate(ids):
            found[row, [number[other] for other in find[relation](own) if other in number]] = True
        return found


def read_ontology(path: Path | str) -> Ontology:
    """Read and check the file.

    Raises:
        UserError: it is no such list; an id comes twice, a child is no entry, or entries are each
            other's ancestors; all are named.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        children = {entry["id"]: list(entry["child_ids"]) for entry in entries}
        names = {entry["id"]: str(entry["name"]) for entry in entries}
        headings = frozenset(e["id"] for e in entries if e.get("restrictions") == _HEADING)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no ontology, a JSON list of entries with id, name and child_ids ({error!r})"
        ) from error
    if len(names) < len(entries):
        (twice, _), *_ = Counter(entry["id"] for entry in entries).most_common(1)
        raise UserError(f"{path}: the id {twice} comes twice.")
    parents: dict[str, list[str]] = {own: [] for own in names}
    for own, kinds in children.items():
        for kind in kinds:
            if kind not in names:
                raise UserError(f"{path}: {own} ({names[own]}) has the child {kind}, no entry.")
            parents[kind].append(own)
    try:
        TopologicalSorter(children).prepare()
    except CycleError as error:
        circle = " > ".join(f"{own} ({names[own]})" for own in reversed(error.args[1]))
        raise UserError(f"{path}: entries are their own descendants: {circle}.") from error
    return Ontology(str(path), names, children, parents, headings)

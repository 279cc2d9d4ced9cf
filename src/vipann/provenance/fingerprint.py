"""Fingerprint of the first-party source that a script can reach.

Snakemake does not see the modules that a script imports: without this, an edited library leaves
stale results, and its own code trigger reruns everything after a fresh clone, because it looks at
modification times. Standard library only, so that the Snakefile parses anywhere.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from vipann.provenance.definitions import Project, reached, tree_of


def fingerprint(
    script: Path | str,
    source_root: Path | str,
    extra: Iterable[str] = (),
    notebook: Path | str | None = None,
) -> str:
    """Hex digest (16 digits) over the syntax of `script` and of all that it reaches by name.

    What is reached: see `vipann.provenance.definitions`. With it come the data files that it names,
    beside its module. Docstrings, comments and layout do not count, nor do paths outside
    `source_root` (the folder that holds the package). `extra` names modules that are imported by a
    computed name, and count as a whole, or one definition of them, as "module:definition";
    `notebook` is one that the script executes.

    Each file is read once per process: the digest is that of the first call.

    Raises:
        ModuleNotFoundError: `extra` names a module or definition that is not there.
    """
    notebook = Path(notebook) if notebook else None
    return _fingerprint(Path(script), Path(source_root), tuple(sorted(extra)), notebook)


@functools.cache
def _fingerprint(script: Path, root: Path, extra: tuple[str, ...], notebook: Path | None) -> str:
    project = project_below(root)
    for place in extra:
        module, _, name = place.partition(":")
        if project.file_of(module) is None or not project.defines(module, name):
            raise ModuleNotFoundError(f"{place}: nothing of that name below {root}")
    lines = [_syntax(tree_of(path)) for path in (script, notebook) if path]
    roots = [reached(project, script, extra), *([reached(project, notebook)] if notebook else [])]
    for modules in roots:
        for name, (statements, others) in modules.items():
            lines += [name, *sorted(others), *map(_syntax, statements)]
            module = project.file_of(name)
            data = {path for statement in statements for path in named_data(statement, module)}
            lines += [f"{path.name} {_contents(path)}" for path in sorted(data)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@functools.cache
def project_below(root: Path) -> Project:
    return Project(root)


def named_data(code: ast.AST, module: Path) -> list[Path]:
    """The data files in the folder of `module` that a piece of its code names in full, sorted."""
    names = {
        node.value
        for node in ast.walk(code)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return [beside for name, beside in _data_beside(module.parent) if name in names]


@functools.cache
def _data_beside(folder: Path) -> list[tuple[str, Path]]:
    files = (path for path in sorted(folder.iterdir()) if path.suffix not in (".py", ".pyc"))
    return [(path.name, path) for path in files if path.is_file()]


@functools.cache
def _contents(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def _syntax(code: ast.AST) -> str:
    return hashlib.sha256(ast.dump(code).encode()).hexdigest()

"""Fingerprint of the first-party source that a script can reach.

Snakemake does not see the modules that a script imports: without this, an edited library leaves
stale results, and its own code trigger reruns everything after a fresh clone, because it looks at
modification times. Standard library only, so that the Snakefile parses anywhere.
"""

import ast
import copy
import functools
import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from vipann.files import digest
from vipann.provenance.definitions import Project, names_bound_by, reached, tree_of


def fingerprint(
    script: Path | str,
    source_root: Path | str,
    extra: Iterable[str] = (),
    notebook: Path | str | None = None,
) -> str:
    """Hex digest (16 digits) over all that `counted` finds."""
    counts = counted(script, source_root, extra, notebook)
    return _digest(f"{name} {each}" for name, each in counts.items())


def counted(
    script: Path | str,
    source_root: Path | str,
    extra: Iterable[str] = (),
    notebook: Path | str | None = None,
) -> Mapping[str, str]:
    """Digest (16 digits) by name of `script` and of all that it reaches by name, in their order.

    What is reached: see `vipann.provenance.definitions`; a name is that of a function, method,
    class or constant, of a module (what it runs at import, and what its own names stand for), or of
    a data file beside a module that names it. Docstrings, comments and layout do not count, nor do
    paths outside `source_root` (the folder that holds the package). `extra` names modules that are
    imported by a computed name, and count as a whole, or one definition of them, as
    "module:definition"; `notebook` is one that the script executes.

    Each file is read once per process: the digests are those of the first call.

    Raises:
        ModuleNotFoundError: `extra` names a module or definition that is not there.
    """
    scripts = tuple(Path(path) for path in (script, notebook) if path)
    return _counted(scripts, Path(source_root), tuple(sorted(extra)))


@functools.cache
def _counted(scripts: tuple[Path, ...], root: Path, extra: tuple[str, ...]) -> Mapping[str, str]:
    project = project_below(root)
    for place in extra:
        module, _, name = place.partition(":")
        known = project.file_of(module) and (not name or name in project.source(module).definitions)
        if not known:
            raise ModuleNotFoundError(f"{place}: nothing of that name below {root}")
    lines = {path.name: [_syntax(tree_of(path))] for path in scripts}
    for module, (statements, others) in reached(project, scripts, extra).items():
        lines[module] = sorted(others)
        for statement in statements:
            for name, part in _parts(statement):
                lines.setdefault(f"{module}{name}", []).append(_syntax(part))
            source = project.source(module)
            for path in named_data(project.references(statement, source).texts, source.path):
                lines[str(path.relative_to(root))] = [_contents(path)]
    return {name: _digest(each) for name, each in lines.items()}


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@functools.cache
def _parts(statement: ast.stmt) -> tuple[tuple[str, ast.AST], ...]:
    """(name below its module, syntax): the methods of a class by themselves, and the rest of it;
    "" for what binds no name."""
    if not isinstance(statement, ast.ClassDef):
        return tuple((f".{name}", statement) for name in names_bound_by(statement)) or (
            ("", statement),
        )
    methods = [node for node in statement.body if isinstance(node, ast.FunctionDef)]
    rest = copy.copy(statement)
    rest.body = [node for node in statement.body if node not in methods]
    whole = f".{statement.name}"
    return ((whole, rest), *((f"{whole}.{method.name}", method) for method in methods))


project_below = functools.cache(Project)
_contents = functools.cache(digest)


def named_data(texts: Collection[str], module: Path) -> list[Path]:
    """The data files in the folder of `module` whose full names are among the strings of a piece
    of its code, sorted."""
    return [beside for name, beside in _data_beside(module.parent) if name in texts]


@functools.cache
def _data_beside(folder: Path) -> list[tuple[str, Path]]:
    files = (path for path in sorted(folder.iterdir()) if path.suffix not in (".py", ".pyc"))
    return [(path.name, path) for path in files if path.is_file()]


@functools.cache
def _syntax(code: ast.AST) -> str:
    return hashlib.sha256(ast.dump(code).encode()).hexdigest()

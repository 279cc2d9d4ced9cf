"""Fingerprint of the first-party source that a script can reach by import.

Snakemake does not see the modules that a script imports: without this, an edited library leaves
stale results, and its own code trigger reruns everything after a fresh clone, because it looks at
modification times. Standard library only, so that the Snakefile parses anywhere.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "vipann"


def fingerprint(script: Path | str, source_root: Path | str, extra: Iterable[str] = ()) -> str:
    """Hex digest (16 digits) over the syntax of `script` and all it imports from this project.

    Docstrings, comments and layout do not count, nor do paths outside `source_root` (the folder
    that holds the package). `extra` names modules that are imported by a computed name.
    """
    root = Path(source_root)
    modules: dict[str, str] = {}
    pending = [*_imports(_tree(Path(script)), ""), *extra]
    while pending:
        name = pending.pop()
        path = _module_file(root, name)
        if path is None or name in modules:
            continue
        modules[name] = _syntax(path)
        pending += _imports(_tree(path), name if path.name == "__init__.py" else _parent(name))
        pending.append(_parent(name))
    lines = [_syntax(Path(script)), *(f"{name} {modules[name]}" for name in sorted(modules))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@functools.cache
def _tree(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return tree


def _drop_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


@functools.cache
def _syntax(path: Path) -> str:
    return hashlib.sha256(ast.dump(_tree(path)).encode()).hexdigest()


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _module_file(root: Path, name: str) -> Path | None:
    if name.split(".")[0] != PACKAGE:
        return None
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _parent(name: str) -> str:
    return name.rpartition(".")[0]

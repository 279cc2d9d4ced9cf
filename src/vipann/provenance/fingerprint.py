"""Fingerprint of the first-party source that a script can reach by import.

Snakemake does not see the modules that a script imports: without this, an edited library leaves
stale results, and its own code trigger reruns everything after a fresh clone, because it looks at
modification times. Standard library only, so that the Snakefile parses anywhere.
"""

import ast
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "vipann"


def fingerprint(script: Path | str, source_root: Path | str, extra: Iterable[str] = ()) -> str:
    """Hex digest (16 digits) over the syntax of `script` and all it imports from this project.

    Every import counts, wherever it stands: in a function, under a condition, relative or by
    another name; with a module come the packages above it, and the data files beside it that it
    names. Docstrings, comments and layout do not count, nor do paths outside `source_root` (the
    folder that holds the package). `extra` names modules that are imported by a computed name.

    Each file is read once per process: the digest is that of the first call.
    """
    return _fingerprint(Path(script), Path(source_root), tuple(sorted(extra)))


def reached_modules(
    script: Path | str, source_root: Path | str, extra: Iterable[str] = ()
) -> dict[str, Path]:
    """The files of the project's modules that `script` reaches by import, by dotted name, sorted.

    Raises:
        ModuleNotFoundError: `extra` names a module that is not there.
    """
    root = Path(source_root)
    for name in extra:
        if _module_file(root, name) is None:
            raise ModuleNotFoundError(f"{name}: no such module below {root}")
    found: dict[str, Path] = {}
    pending = [*_imports(Path(script), ""), *extra]
    while pending:
        name = pending.pop()
        path = _module_file(root, name)
        if path is None or name in found:
            continue
        found[name] = path
        pending += _imports(path, name if path.name == "__init__.py" else _parent(name))
        pending.append(_parent(name))
    return dict(sorted(found.items()))


def modules_of_notebook(notebook: Path | str, source_root: Path | str) -> list[str]:
    """The project's modules that a notebook's cells import, for `extra`."""
    return list(reached_modules(notebook, source_root))


def named_data(module: Path) -> list[Path]:
    """The data files in the folder of `module` that its code names in full, sorted."""
    names = {
        node.value
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    beside = {path.name: path for path in module.parent.iterdir() if path.suffix != ".py"}
    return [beside[name] for name in sorted(names & beside.keys()) if beside[name].is_file()]


@functools.cache
def _fingerprint(script: Path, root: Path, extra: tuple[str, ...]) -> str:
    modules = reached_modules(script, root, extra)
    lines = [_contents(script), *(f"{name} {_contents(path)}" for name, path in modules.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@functools.cache
def _contents(path: Path) -> str:
    parts = [ast.dump(_tree(path)).encode()]
    parts += [data.name.encode() + b"\n" + data.read_bytes() for data in named_data(path)]
    return " ".join(hashlib.sha256(part).hexdigest() for part in parts)


@functools.cache
def _tree(path: Path) -> ast.Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(_cells(text) if path.suffix == ".ipynb" else text, filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return tree


def _cells(notebook: str) -> str:
    """The Python of a notebook's code cells, without the lines that are IPython's own."""
    cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    lines = "\n".join("".join(cell["source"]) for cell in cells).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!", "?")))


def _drop_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


@functools.cache
def _imports(path: Path, package: str) -> tuple[str, ...]:
    """Dotted names that the file's imports may stand for; relative ones start from `package`."""
    return tuple(_imported_names(_tree(path), package))


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
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


@functools.cache
def _module_file(root: Path, name: str) -> Path | None:
    if name.split(".")[0] != PACKAGE:
        return None
    path = root.joinpath(*name.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _parent(name: str) -> str:
    return name.rpartition(".")[0]

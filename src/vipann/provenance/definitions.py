"""Which top-level functions, classes and constants of the project a script reaches by name.

A definition counts where a name that leads to it stands in what counts already: in the script, in
a function that the script calls, in a constant that this function reads. What runs at import counts
with its module: statements that define nothing, definitions under a decorator of the project's own
(it may register them), constants made by calling the project's own code. A whole module counts
where it is used as a value or where `globals()` stands in it: then any name may be looked up.

Standard library only, so that the Snakefile parses anywhere.
"""

import ast
import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "vipann"
WHOLE = "*"

_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# In the order of syntax: of two imports that bind one name, the later one counts.
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
Statement = ast.stmt
Place = tuple[str, str]  # module, name; WHOLE for all of it, "" for what runs when it is imported


@dataclass(eq=False)
class Source:
    """A module of the project, taken apart.

    imports: what the names that its imports bind stand for, dotted; definitions: the statements
    that bind a name, by name; at_import: those that run at import and count with the module.
    """

    name: str
    path: Path
    package: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, list[Statement]] = field(default_factory=dict)
    at_import: list[Statement] = field(default_factory=list)


class Project:
    """The project's modules below `root`; each file is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @functools.cache  # noqa: B019  (a project lives as long as the process)
    def file_of(self, name: str) -> Path | None:
        """The file of a module of the project, None where there is none of that name."""
        if name.split(".")[0] != PACKAGE:
            return None
        path = self.root.joinpath(*name.split("."))
        candidates = (path / "__init__.py", path.with_suffix(".py"))
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    @functools.cache  # noqa: B019
    def source(self, name: str) -> Source:
        path = self.file_of(name)
        if path is None:
            raise ModuleNotFoundError(f"{name}: no module of that name below {self.root}")
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        return self._taken_apart(Source(name, path, package, tree_of(path)))

    def script(self, path: Path) -> Source:
        """A script or notebook, all of which counts."""
        source = Source("", path, "", tree_of(path))
        source.imports = dict(_imports(source.tree, ""))
        source.at_import = source.tree.body
        return source

    def _taken_apart(self, source: Source) -> Source:
        for statement in source.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                source.imports |= dict(_imports(statement, source.package))
                continue
            names = list(names_bound_by(statement))
            for name in names:
                source.definitions.setdefault(name, []).append(statement)
            if not names:
                source.imports |= dict(_imports(statement, source.package))
                source.at_import.append(statement)
        run = [s for group in source.definitions.values() for s in group if self._runs(s, source)]
        source.at_import += run
        return source

    def _runs(self, statement: Statement, source: Source) -> bool:
        """Whether a definition runs the project's own code when its module is imported."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            called = list(statement.decorator_list)
        else:
            called = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
        roots = {_root(node) for node in called}
        own = {name for name, target in source.imports.items() if target.startswith(PACKAGE)}
        return bool(roots & (own | source.definitions.keys()))

    @functools.cache  # noqa: B019
    def references(self, node: ast.AST, source: Source) -> "References":
        """What a statement of `source` refers to, or a whole script."""
        return References(self, source, node)

    def split(self, target: str) -> tuple[str, list[str]]:
        """(module, attributes) of a dotted name of the project: the longest module comes first."""
        parts = target.split(".")
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            if self.file_of(name):
                return name, parts[count:]
        return "", parts


class References(ast.NodeVisitor):
    """What a piece of code refers to: `places`, definitions of the project with the modules that it
    imports, `others`, what its other names stand for ("np = numpy"), and `texts`, the strings in
    it, one of which may name a data file."""

    def __init__(self, project: Project, source: Source, node: ast.AST) -> None:
        self.project, self.source = project, source
        inner = dict(_imports(node, source.package))
        self.names = source.imports | inner
        self.places: set[Place] = {(project.split(target)[0], "") for target in inner.values()}
        self.others: set[str] = set()
        self.texts: set[str] = set()
        self.visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self._name(inner.id, chain)
        else:
            self.visit(inner)

    def visit_Name(self, node: ast.Name) -> None:
        self._name(node.id, [])
        if node.id == "globals" and self.source.name:
            self.places.add((self.source.name, WHOLE))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.texts.add(node.value)
            # Annotations in quotes, and the names in __all__.
            if node.value in self.source.definitions:
                self.places.add((self.source.name, node.value))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if any(alias.name == "*" for alias in node.names):
            module = self.project.split(_base(node, self.source.package))[0]
            self.places |= {(module, WHOLE)} if module else set()

    def _name(self, name: str, attributes: list[str]) -> None:
        if name in self.names:
            target = ".".join([self.names[name], *attributes])
            module, rest = self.project.split(target)
            if module:
                self.places.add((module, rest[0] if rest else WHOLE))
            else:
                self.others.add(f"{name} = {self.names[name]}")
        elif name in self.source.definitions:
            self.places.add((self.source.name, name))


def reached(
    project: Project, scripts: Iterable[Path], extra: Iterable[str] = ()
) -> dict[str, tuple[list[Statement], set[str]]]:
    """By module of the project: the statements that count for the scripts, in their order, and what
    the other names in them stand for. `extra` names modules that count as a whole, or
    "module:definition"s."""
    counted: dict[str, set[int]] = {}
    others: dict[str, set[str]] = {}
    asked: set[Place] = set()
    named = (name.partition(":") for name in extra)
    pending: list[Place] = [(module, name or WHOLE) for module, _, name in named]

    def count(statement: ast.AST, source: Source) -> None:
        found = project.references(statement, source)
        pending.extend(found.places)
        others.setdefault(source.name, set()).update(found.others)

    for path in scripts:
        script = project.script(path)
        count(script.tree, script)
        pending.extend((project.split(target)[0], "") for target in script.imports.values())
    while pending:
        module, name = place = pending.pop()
        if place in asked or not module:
            continue
        asked.add(place)
        source = project.source(module)
        if name:
            pending.append((module, ""))
            chosen = _statements(project, source, name, pending)
        else:
            # With a module those run that it imports, and the packages above it.
            chosen = source.at_import
            imported = (project.split(target)[0] for target in source.imports.values())
            pending.extend((other, "") for other in [module.rpartition(".")[0], *imported])
        for statement in chosen:
            if id(statement) not in counted.setdefault(source.name, set()):
                counted[source.name].add(id(statement))
                count(statement, source)
    return {
        name: ([s for s in project.source(name).tree.body if id(s) in ids], others.get(name, set()))
        for name, ids in sorted(counted.items())
    }


def _statements(
    project: Project, source: Source, name: str, pending: list[Place]
) -> list[Statement]:
    """The statements that define a name of a module; `pending` takes what it imports as that."""
    if name in source.definitions:
        return source.definitions[name]
    if name in source.imports:
        module, rest = project.split(source.imports[name])
        if module:
            pending.append((module, rest[0] if rest else WHOLE))
        return []
    # All of it; or a name that no syntax binds, so that anything may be meant.
    pending.extend((source.name, each) for each in [*source.definitions, *source.imports])
    return []


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax of a module, script or notebook, without docstrings."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(_cells(text) if path.suffix == ".ipynb" else text, filename=str(path))
    for node in _blocks(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _blocks(tree: ast.AST) -> Iterator[ast.AST]:
    """`tree` and what holds statements below it, level by level as `ast.walk` does, which would
    visit the expressions too: most of a tree, without a statement in them."""
    level = [tree]
    while level:
        yield from level
        level = [inner for node in level for block in _BLOCKS for inner in getattr(node, block, ())]


def _cells(notebook: str) -> str:
    """The Python of a notebook's code cells, without the lines that are IPython's own."""
    cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    lines = "\n".join("".join(cell["source"]) for cell in cells).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!", "?")))


def names_bound_by(statement: Statement) -> Iterator[str]:
    """The names that a top-level definition binds; none for other statements."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        names = (node for target in statement.targets for node in ast.walk(target))
        yield from (node.id for node in names if isinstance(node, ast.Name))
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        nodes = ast.walk(statement.target)
        yield from (node.id for node in nodes if isinstance(node, ast.Name))


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """(name, what it stands for) of all imports below `tree`; relative ones are of `package`."""
    for node in _blocks(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
                # The name is the package's, and the module runs too.
                yield f"import {alias.name}", alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                if alias.name == "*":
                    yield f"from {base}", base
                else:
                    yield alias.asname or alias.name, f"{base}.{alias.name}"


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _root(node: ast.expr) -> str:
    """The name at the start of `name.attribute(...)`; "" where there is none."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""

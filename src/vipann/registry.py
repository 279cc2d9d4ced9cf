"""Choices that are files: a name in the config is a module of a package, and adding one is adding
a file.

What a module says of itself is read from its text and never run: so planning needs neither torch
nor a plotting library, and a job's fingerprint counts the one module that the job chose, not its
neighbours. Standard library only.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from vipann.errors import UserError

_SOURCE = Path(__file__).parents[1]
_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


@dataclass(frozen=True)
class Field:
    """A setting of a choice: its JSON schema, and its default where it has one."""

    schema: Mapping[str, Any]
    default: Any = None
    is_required: bool = True


def choices(package: str) -> list[str]:
    """The modules of `package` ("vipann.models.encoders") that are choices: all but `_private`."""
    paths = _SOURCE.joinpath(*package.split(".")).glob("*.py")
    return sorted(path.stem for path in paths if not path.stem.startswith("_"))


def module_of(package: str, name: str, key: str) -> str:
    """The full name of the module that `key` of the config chose.

    Raises:
        UserError: there is none of that name; the message has the known ones.
    """
    known = choices(package)
    if name not in known:
        raise UserError(f"{key} is {name!r}; it is one of: {', '.join(known)}")
    return f"{package}.{name}"


def load(module: str) -> ModuleType:
    """Import a chosen module. Its name belongs among the `chosen` of the job's fingerprint."""
    return import_module(module)


def declared(module: str, name: str) -> Any:
    """The value of a module's top-level constant `name`, which must be written as a literal.

    Raises:
        LookupError: the module has no such constant.
        ValueError: it is not a literal.
    """
    for statement in _tree(module).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return ast.literal_eval(statement.value)
    raise LookupError(f"{module} has no {name}")


def settings_fields(module: str) -> dict[str, Field]:
    """The fields of a module's dataclass `Settings`; none where it has no such class.

    An annotation is int, float, bool, str, list[...] of these, `... | None`, or Annotated with the
    rest of its JSON schema: `width: Annotated[int, {"minimum": 1}] = 64`.
    """
    for statement in _tree(module).body:
        if isinstance(statement, ast.ClassDef) and statement.name == "Settings":
            lines = [line for line in statement.body if isinstance(line, ast.AnnAssign)]
            return {line.target.id: _field(line) for line in lines}
    return {}


def _field(line: ast.AnnAssign) -> Field:
    schema = _schema(line.annotation)
    if line.value is None:
        return Field(schema)
    value = line.value
    if isinstance(value, ast.Call):  # field(default_factory=lambda: [...])
        value = next(k.value for k in value.keywords if k.arg == "default_factory").body
    return Field(schema, ast.literal_eval(value), is_required=False)


def _schema(annotation: ast.expr) -> dict[str, Any]:
    if isinstance(annotation, ast.Name):
        return {"type": _TYPES[annotation.id]}
    if isinstance(annotation, ast.BinOp):
        return {"anyOf": [_schema(annotation.left), {"type": "null"}]}
    inner = annotation.slice
    if annotation.value.id == "list":
        return {"type": "array", "items": _schema(inner)}
    kind, more = inner.elts
    return _schema(kind) | ast.literal_eval(more)


def _tree(module: str) -> ast.Module:
    path = _SOURCE.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))

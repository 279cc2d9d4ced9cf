"""Choices that are files, or definitions of a file: a name in the config is a module of a package,
or a function or class of a module, and adding one is adding that.

What a module says of itself is read from its text and never run: so planning needs neither torch
nor a plotting library, and a job's fingerprint counts what the job chose, not its neighbours. A
place is a module ("vipann.models.encoders.mn04") or a definition of one
("vipann.models.pooling:mean"). Standard library only.
"""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from vipann.errors import UserError

_SOURCE = Path(__file__).parents[1]
_TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "Rate": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
}
Rate = float  # of dropout, in [0, 1)
_REQUIRED = object()
_Function = ast.FunctionDef


@dataclass(frozen=True)
class Field:
    """A setting of a choice: its JSON schema, and its default where it has one."""

    schema: Mapping[str, Any]
    default: Any = None
    is_required: bool = True


def choices(home: str) -> list[str]:
    """The modules of the package `home` ("vipann.models.encoders"), or the functions and classes of
    the module `home`, that are choices: all but `_private`. A class `AutoPool` is `auto_pool`.
    """
    folder = _SOURCE.joinpath(*home.split("."))
    if folder.is_dir():
        names = [path.stem for path in folder.glob("*.py")]
    else:
        names = list(_definitions(home))
    return sorted(name for name in names if not name.startswith("_"))


def module_of(home: str, name: str, key: str) -> str:
    """The module or definition that `key` of the config chose.

    Raises:
        UserError: there is none of that name; the message has the known ones.
    """
    known = choices(home)
    if name not in known:
        raise UserError(f"{key} is {name!r}; it is one of: {', '.join(known)}")
    if _SOURCE.joinpath(*home.split(".")).is_dir():
        return f"{home}.{name}"
    return f"{home}:{_definitions(home)[name].name}"


def load(place: str) -> Any:
    """Import a chosen module, or a definition of one. The place belongs among the `chosen` of the
    job's fingerprint."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name) if name else import_module(module)


def declared(module: str, name: str, default: Any = _REQUIRED) -> Any:
    """The value of a module's top-level constant `name`, or of a class's ("module:Class"), which
    must be written as a literal.

    Raises:
        LookupError: the module has no such constant, and there is no `default`.
        ValueError: it is not a literal.
    """
    module, _, definition = module.partition(":")
    for statement in (_found(module, definition) if definition else _tree(module)).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in statement.targets
        ):
            return ast.literal_eval(statement.value)
    if default is _REQUIRED:
        raise LookupError(f"{module} has no {name}")
    return default


def has_function(module: str, name: str) -> bool:
    return isinstance(_found(module, name), _Function)


def standalone(module: str, name: str) -> Callable[..., Any]:
    """A module's function `name` without the module: it may use its arguments and builtins only."""
    found = next(s for s in _tree(module).body if isinstance(s, _Function) and s.name == name)
    found.returns = None
    for argument in [*found.args.args, *found.args.kwonlyargs]:
        argument.annotation = None
    made: dict[str, Any] = {}
    exec(compile(ast.Module([found], []), module, "exec"), made)
    return made[name]


def settings_fields(place: str) -> dict[str, Field]:
    """The settings of a choice, in order: the fields of a module's dataclass `Settings`, those of
    its bases first, or the keyword-only parameters of a function or of a class's `__init__`.

    An annotation is int, float, Rate, bool, str, Literal[...], list[...] of these, `... | None`, or
    Annotated with a description and the rest of its JSON schema:
    `width: Annotated[int, "Channels.", {"minimum": 1}] = 64`.
    """
    module, _, name = place.partition(":")
    if not name:
        return class_fields(module, "Settings")
    found = _found(module, name)
    if isinstance(found, ast.ClassDef):
        found = next((s for s in found.body if getattr(s, "name", "") == "__init__"), None)
    if found is None:
        return {}
    pairs = zip(found.args.kwonlyargs, found.args.kw_defaults, strict=True)
    return {argument.arg: _field(argument.annotation, default) for argument, default in pairs}


def class_fields(module: str, name: str) -> dict[str, Field]:
    """The fields of a module's dataclass, in order, those of its bases first: as
    `settings_fields`, and mappings too."""
    found = _found(module, name)
    if found is None:
        return {}
    fields: dict[str, Field] = {}
    for base in (b.id for b in found.bases if isinstance(b, ast.Name)):
        fields |= class_fields(_imported_from(module, base), base)
    for line in found.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            fields[line.target.id] = _field(line.annotation, line.value)
    return fields


def _imported_from(module: str, name: str) -> str:
    for statement in _tree(module).body:
        if isinstance(statement, ast.ImportFrom) and name in [a.name for a in statement.names]:
            return statement.module or module
    return module


def _found(module: str, name: str) -> Any:
    return next((s for s in _tree(module).body if getattr(s, "name", None) == name), None)


def _definitions(module: str) -> dict[str, Any]:
    """The functions and classes of a module, by what the config calls them."""
    found = [s for s in _tree(module).body if isinstance(s, _Function | ast.ClassDef)]
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", s.name).lower(): s for s in found}


def _field(annotation: ast.expr, value: ast.expr | None) -> Field:
    schema = _schema(annotation)
    if value is None:
        return Field(schema)
    if isinstance(value, ast.Call):  # field(default_factory=lambda: [...])
        value = next(k.value.body for k in value.keywords if isinstance(k.value, ast.Lambda))
    return Field(schema, ast.literal_eval(value), is_required=False)


def _schema(annotation: Any) -> dict[str, Any]:
    if isinstance(annotation, ast.Name):
        return dict(_TYPES[annotation.id])
    if isinstance(annotation, ast.BinOp):
        return {"anyOf": [_schema(annotation.left), {"type": "null"}]}
    inner = annotation.slice
    if annotation.value.id == "Mapping":
        return {"type": "object"}
    if annotation.value.id == "list":
        return {"type": "array", "items": _schema(inner)}
    if annotation.value.id == "Literal":
        return {"enum": [ast.literal_eval(each) for each in getattr(inner, "elts", [inner])]}
    kind, *more = inner.elts
    schema = _schema(kind)
    for value in map(ast.literal_eval, more):
        schema |= {"description": value} if isinstance(value, str) else value
    return schema


def _tree(module: str) -> ast.Module:
    path = _SOURCE.joinpath(*module.split("."))
    return _parsed(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))

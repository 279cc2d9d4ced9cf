"""What changes a fingerprint and what does not, on a small tree of modules."""

import ast
import json
import shutil
import sys
from pathlib import Path

import pytest

from vipann.provenance import definitions
from vipann.provenance import fingerprint as module

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tree(tmp_path):
    package = tmp_path / "src" / "vipann" / "part"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "used.py").write_text(
        '"""Doc."""\nfrom .deep import VALUE\n\ndef f():\n    return VALUE\n'
    )
    (package / "deep.py").write_text("VALUE = 1\n")
    (package / "unused.py").write_text("X = 1\n")
    (package / "numbers.csv").write_text("1\n")
    (package / "other.csv").write_text("1\n")
    (tmp_path / "script.py").write_text("from vipann.part import used\nused.f()\n")
    return tmp_path


def forget():
    for function in (
        *(module._counted, module._contents, module._data_beside, module.project_below),
        definitions.tree_of,
    ):
        function.cache_clear()


def taken(tree, extra=()):
    forget()
    return module.fingerprint(tree / "script.py", tree / "src", extra)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", "from vipann.part import used\nused.f(); used.f()\n"),
        ("src/vipann/part/used.py", "from .deep import VALUE\n\ndef f():\n    return VALUE + 1\n"),
        ("src/vipann/part/deep.py", "VALUE = 2\n"),
        ("src/vipann/part/__init__.py", "print('imported')\n"),
    ],
)
def test_changed_code_that_the_script_reaches_changes_it(tree, file, text):
    before = taken(tree)
    (tree / file).write_text(text)
    assert taken(tree) != before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", "from vipann.part import used\n\n# why\nused.f()\n"),
        (
            "src/vipann/part/used.py",
            '"""Other."""\nfrom .deep import VALUE\n\ndef f():\n    """D."""\n    return VALUE\n',
        ),
        ("src/vipann/part/unused.py", "X = 2\n"),
    ],
)
def test_comments_docstrings_and_unreached_modules_do_not(tree, file, text):
    before = taken(tree)
    (tree / file).write_text(text)
    assert taken(tree) == before


def test_the_checkout_path_and_file_times_do_not(tree, tmp_path):
    before = taken(tree)
    moved = tmp_path / "elsewhere"
    shutil.copytree(tree / "src", moved / "src")
    shutil.copy(tree / "script.py", moved / "script.py")
    assert taken(moved) == before


def test_modules_imported_by_name_count_when_they_are_named(tree):
    assert taken(tree, ["vipann.part.unused"]) != taken(tree)
    with pytest.raises(ModuleNotFoundError, match=r"vipann\.part\.gone"):
        taken(tree, ["vipann.part.gone"])


@pytest.mark.parametrize(
    "statement",
    [
        "import vipann.part.unused\nvipann.part.unused.X",
        "import vipann.part.unused as u\nu.X",
        "import vipann.part.unused as u\nprint(u)",
        "from vipann.part import unused\nunused.X",
        "from vipann.part import unused\ngetattr(unused, 'X')",
        "from vipann.part.unused import X\nX",
        "from vipann.part.unused import *",
        "def f():\n    from vipann.part import unused\n    return unused.X",
        "if f:\n    from vipann.part.unused import X\n    X",
        "try:\n    import vipann.part.unused as u\n    u.X\nexcept ImportError:\n    pass",
        "from vipann.part.unused import X as Y\nprint(f'{Y}')",
        "from vipann.part import unused\n@unused.X\ndef f(): pass",
        "from vipann.part.unused import X\nclass A(X): pass",
    ],
)
def test_a_name_counts_in_every_form_and_place(tree, statement):
    (tree / "script.py").write_text(statement + "\n")
    before = taken(tree)
    (tree / "src/vipann/part/unused.py").write_text("X = 2\n")
    assert taken(tree) != before


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("part/used.py", "from . import unused\ndef f(): return unused.X"),
        ("part/used.py", "from .unused import X\ndef f(): return X"),
        ("part/used.py", "from ..part.unused import X\ndef f(): return X"),
        ("part/used.py", "from .unused import X as f"),
        ("part/used.py", "from . import unused\ndef f(): return g()\ndef g(): return unused.X"),
        ("part/used.py", "from . import unused\nV = unused.X\nclass f:\n    v = V"),
        ("part/used.py", "from . import unused\nif unused.X: pass\ndef f(): pass"),
        ("part/used.py", "from .unused import X\n@X\ndef registered(): pass\ndef f(): pass"),
        ("part/used.py", "from .unused import X\nMADE = X()\ndef f(): pass"),
        ("part/used.py", "from . import unused\nY = unused.X\ndef f(): return globals()['Y']"),
        ("part/used.py", "from .unused import X\ndef f(v: 'A'): pass\nclass A: v = X"),
        ("part/__init__.py", "from .unused import X\nprint(X)"),
        ("__init__.py", "from .part import unused\nprint(unused.X)"),
    ],
)
def test_what_the_reached_code_reaches_counts(tree, file, statement):
    (tree / "src/vipann" / file).write_text(statement + "\n")
    before = taken(tree)
    (tree / "src/vipann/part/unused.py").write_text("X = 2\n")
    assert taken(tree) != before


@pytest.mark.parametrize(
    "text",
    [
        "from .deep import VALUE\n\ndef f():\n    return VALUE\n\ndef g():\n    return 1\n",
        "from .deep import VALUE\nimport os\nX = 1\n\ndef f():\n    return VALUE\n",
        "from .unused import X\nfrom .deep import VALUE\n\ndef f():\n    return VALUE\n",
        "from .deep import VALUE\nZ = dict(a=1)\n\ndef f():\n    return VALUE\n",
    ],
)
def test_what_nothing_reaches_by_name_does_not(tree, text):
    before = taken(tree)
    (tree / "src/vipann/part/used.py").write_text(text)
    assert taken(tree) == before


def test_another_library_under_the_same_name_counts(tree):
    used = tree / "src/vipann/part/used.py"
    used.write_text("import math as m\n\ndef f():\n    return m.pi\n")
    before = taken(tree)
    used.write_text("import cmath as m\n\ndef f():\n    return m.pi\n")
    assert taken(tree) != before


def test_a_data_file_counts_where_the_code_beside_it_names_it(tree):
    without = taken(tree)
    (tree / "src/vipann/part/deep.py").write_text('VALUE = open("numbers.csv")\n')
    before = taken(tree)
    assert before != without
    (tree / "src/vipann/part/other.csv").write_text("2\n")
    assert taken(tree) == before
    (tree / "src/vipann/part/numbers.csv").write_text("2\n")
    assert taken(tree) != before


def test_a_notebook_counts_with_what_its_code_cells_reach(tree):
    cells = [
        {"cell_type": "markdown", "source": ["import vipann.part.unused"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!ls\n", "x = 1"]},
        {"cell_type": "code", "source": ["from vipann.part.unused import X\n", "print(X)\n"]},
    ]
    (tree / "book.ipynb").write_text(json.dumps({"cells": cells}))
    (tree / "script.py").write_text("")

    def of_notebook():
        forget()
        book = tree / "book.ipynb"
        return module.fingerprint(tree / "script.py", tree / "src", (), book)

    before = of_notebook()
    assert before != taken(tree)
    (tree / "src/vipann/part/used.py").write_text("def f():\n    return 2\n")
    assert of_notebook() == before
    (tree / "src/vipann/part/unused.py").write_text("X = 2\n")
    assert of_notebook() != before


def test_imports_in_a_circle_end(tree):
    (tree / "src/vipann/part/deep.py").write_text("from vipann.part import used\nVALUE = 1\n")
    assert len(taken(tree)) == 16


@pytest.mark.parametrize("name", ["fingerprint", "definitions"])
def test_needs_the_standard_library_alone(name):
    tree = definitions.tree_of(ROOT / f"src/vipann/provenance/{name}.py")
    tops = {target.split(".")[0] for _, target in definitions._imports(tree, "vipann.provenance")}
    assert tops <= {*sys.stdlib_module_names, "vipann"}


def test_modules_imported_by_a_computed_name_are_those_that_the_rules_name():
    """An import that syntax does not show must be given as `extra`: the dataset adapters are."""
    computed = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if any(name in path.read_text() for name in ("import_module", "__import__", "runpy"))
    }
    assert computed == {"vipann/registry.py"}


NESTED = """
import a
class C:
    async def f():
        async with x:
            import b
        async for y in z:
            from c import d
    def g():
        match a:
            case 1:
                import e
        while a:
            try:
                import h
            except* E:
                def i():
                    'Doc.'
            else:
                import j
            finally:
                import k
        else:
            with a:
                import m
if a:
    try: import n
    except E: import o
else: from p import *
"""


def test_no_statement_is_missed_wherever_it_stands():
    """All of them in the order of `ast.walk`: of two imports of one name the later one counts."""
    tree = ast.parse(NESTED)
    of_all = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    found = [node for node in definitions._blocks(tree) if isinstance(node, ast.stmt)]
    assert found == of_all


def strings_in(code: Path) -> set:
    nodes = ast.walk(definitions.tree_of(code))
    return {node.value for node in nodes if isinstance(node, ast.Constant)}


def test_every_data_file_of_the_package_is_named_by_a_module_beside_it():
    data = {
        path
        for path in (ROOT / "src/vipann").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    named = {
        path
        for code in (ROOT / "src").rglob("*.py")
        for path in module.named_data(strings_in(code), code)
    }
    assert data
    assert data == named


def test_every_script_of_the_workflow_has_one():
    scripts = sorted((ROOT / "workflow/scripts").glob("*.py"))
    prints = {module.fingerprint(script, ROOT / "src") for script in scripts}
    assert len(prints) == len(scripts) > 5

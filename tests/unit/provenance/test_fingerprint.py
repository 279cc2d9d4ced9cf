"""What changes a fingerprint and what does not, on a small tree of modules."""

import shutil
import sys
from pathlib import Path

import pytest

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
    (tmp_path / "script.py").write_text("from vipann.part import used\nused.f()\n")
    return tmp_path


def taken(tree):
    module._tree.cache_clear()
    module._syntax.cache_clear()
    return module.fingerprint(tree / "script.py", tree / "src")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", "from vipann.part import used\nused.f(); used.f()\n"),
        ("src/vipann/part/used.py", "from .deep import VALUE\n\ndef f():\n    return VALUE + 1\n"),
        ("src/vipann/part/deep.py", "VALUE = 2\n"),
        ("src/vipann/part/__init__.py", "import os\n"),
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
    with_extra = module.fingerprint(tree / "script.py", tree / "src", ["vipann.part.unused"])
    assert with_extra != taken(tree)


def test_needs_the_standard_library_alone():
    names = {name for name in module._imports(module._tree(Path(module.__file__)), "") if name}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_every_script_of_the_workflow_has_one():
    scripts = sorted((ROOT / "workflow/scripts").glob("*.py"))
    prints = {module.fingerprint(script, ROOT / "src") for script in scripts}
    assert len(prints) == len(scripts) > 5

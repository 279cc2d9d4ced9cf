from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]


def test_imports_point_one_way_and_close_no_circle():
    config = ROOT / "pyproject.toml"
    assert lint_imports(config_filename=str(config), no_cache=True) == EXIT_STATUS_SUCCESS


def test_no_two_test_files_share_a_name():
    """Together in one run they would be one module to pytest, and the second is refused."""
    files = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(files) == sorted(set(files))

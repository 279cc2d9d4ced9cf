"""Report notebooks run by the workflow's own Python, whatever a user's Jupyter is set up to."""

import json
import os
import sys

import nbformat
import pytest

from vipann.notebook import execute_notebook


@pytest.fixture
def clusters_jupyter(tmp_path, monkeypatch):
    """Another Python's kernel of the same name, and a home that is none."""
    kernel = tmp_path / "jupyter/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "another"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("HOME", "/nonexistent")


def test_a_notebook_is_run_by_the_python_of_its_job(clusters_jupyter, tmp_path):
    before = dict(os.environ)
    cell = nbformat.v4.new_code_cell("import sys; print(sys.executable)")
    source, executed = tmp_path / "n.ipynb", tmp_path / "out/n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), source)
    execute_notebook(source, {}, executed, tmp_path / "out/n.html")
    notebook = nbformat.read(executed, as_version=4)
    printed = [out["text"] for cell in notebook.cells for out in cell.outputs if "text" in out]
    assert printed == [f"{sys.executable}\n"]
    assert dict(os.environ) == before

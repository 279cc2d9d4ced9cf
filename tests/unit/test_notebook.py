"""The report notebook on a small planted run: executed as the workflow does, and its page."""

import base64
import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from vipann.errors import UserError
from vipann.notebook import execute_notebook

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "results.ipynb"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def plant_run(folder):
    """A finished run with one upstream set, `events`, and one transfer set, `scenes`."""
    for name in ("manifests", "metrics", "tables", "figures"):
        (folder / name).mkdir(parents=True)
    for name in ("events", "scenes", "ships"):
        clips = {"labels": [["a"], ["b"]], "duration_s": [1800.0, 1800.0], "fold": [1, 2]}
        pd.DataFrame(clips).to_parquet(folder / f"manifests/{name}.parquet")
        for figure in ("retention", "boxplot"):
            (folder / f"figures/{figure}_{name}.png").write_bytes(PIXEL)
    for number in (1, "1_variants", "1_parts", 3, 4, 5):
        (folder / f"tables/table{number}.md").write_text(
            f"| Model |\n|:--|\n| planted {number} |\n"
        )
    key = {"dataset": "scenes", "strategy": "flip", "phase": "finetuned"}
    # Accuracy 0.875 of the more certain half and 0.625 of all clips.
    retention = [
        {**key, "uncertainty": kind, "replication": 0, "retained_fraction": f, "value": value}
        for kind in ("total", "aleatoric", "epistemic")
        for f, value in ((0.5, 0.875), (1.0, 0.625))
    ]
    pd.DataFrame(retention).assign(score="accuracy").to_parquet(
        folder / "metrics/scenes.retention.parquet"
    )
    uncertainty = [
        {
            **key,
            "scored_dataset": scored,
            "fold": 1,
            "clip_id": "x",
            "uncertainty": "total",
            "value": v,
        }
        for scored, v in (("scenes", 0.125), ("ships", 1.375))
    ]
    pd.DataFrame(uncertainty).to_parquet(folder / "metrics/scenes.uncertainty.parquet")
    return folder


def parameters(folder):
    return {
        "results_dir": str(folder),
        "run": "planted-run",
        "datasets": ["scenes"],
        "upstream": "events",
        "ood": "ships",
    }


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """(executed notebook, its page, the folder), run from a folder that is not the repository."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        out = folder / "out"
        execute_notebook(
            NOTEBOOK, parameters(plant_run(folder / "run")), out / "r.ipynb", out / "r.html"
        )
    return nbformat.read(out / "r.ipynb", as_version=4), (out / "r.html").read_text(), out


def test_the_notebook_in_the_repository_is_clean_and_parameterized():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [cell for cell in code if "parameters" in cell.metadata.get("tags", [])] == [code[0]]
    assert notebook.metadata.kernelspec.name == "python3"
    assert "vipann" not in "".join(cell.source for cell in code).replace("VI-PANN", "")


def test_every_cell_ran_and_only_the_two_outputs_are_left(executed):
    notebook, _, out = executed
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    assert all(cell.execution_count for cell in code)
    assert sorted(path.name for path in out.iterdir()) == ["r.html", "r.ipynb"]


def test_the_page_shows_what_was_planted(executed):
    _, page, _ = executed
    assert "planted-run" in page
    for number in (1, "1_variants", "1_parts", 3, 4, 5):
        assert f"planted {number}" in page
    assert re.search(r"<td[^>]*>\s*0\.875\s*</td>", page)
    assert re.search(r"<td[^>]*>\s*0\.625\s*</td>", page)
    assert re.search(r"<td[^>]*>\s*1\.375\s*</td>", page)


def test_images_are_inside_the_page(executed):
    _, page, _ = executed
    images = re.findall(r"<img[^>]*src=\"([^\"]*)\"", page)
    assert len(images) == 4
    assert all(image.startswith("data:image/png;base64,") for image in images)


def test_a_failing_cell_is_told_and_leaves_no_output(tmp_path):
    run = plant_run(tmp_path / "run")
    (run / "tables/table4.md").unlink()
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"results\.ipynb.*FileNotFoundError.*table4\.md"):
        execute_notebook(NOTEBOOK, parameters(run), out / "r.ipynb", out / "r.html")
    assert list(out.iterdir()) == []


def test_the_source_notebook_is_left_as_it_was(executed):
    assert json.loads(NOTEBOOK.read_text())["cells"][2]["outputs"] == []
    assert executed[0].cells != nbformat.read(NOTEBOOK, as_version=4).cells


def test_the_page_asks_nothing_of_the_network(executed):
    _, page, _ = executed
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', page)
    assert not re.findall(r"https?://[^\s\"']*(?:cdnjs|unpkg|jsdelivr)[^\s\"']*", page)

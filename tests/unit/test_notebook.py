"""The report notebooks on a planted run: the words and numbers they must come to, and pages."""

import json
import re
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from vipann.errors import UserError
from vipann.notebook import execute_notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = ["claims", "out_of_distribution", "pretraining", "transfer"]
WHERE = {"results_dir": "..", "run": "planted-run"}
PARAMETERS = {
    "pretraining": {**WHERE, "upstream": "events"},
    "transfer": {**WHERE, "dataset": "scenes"},
    "out_of_distribution": {**WHERE, "datasets": ["scenes"], "upstream": "events", "ood": "ships"},
    "claims": WHERE,
}
KINDS = ("total", "epistemic", "aleatoric")

# strategy -> phase -> accuracy in each fold.
ACCURACY = {
    "flip": {"fixed": [0.25, 0.5], "finetuned": [0.5, 0.5], "scratch": [0.125, 0.125]},
    "det": {"fixed": [0.5, 0.5], "finetuned": [0.75, 1.0], "scratch": [1.0, 1.0]},
}


def retention(dataset, score, gains):
    """Curves of 2 points, in 4 replications; gains: (strategy, phase) -> gain at half the clips."""
    rows = [
        (dataset, strategy, phase, kind, replication, fraction, score, value)
        for (strategy, phase), gain in gains.items()
        for kind in KINDS
        for replication in range(4)
        # Epistemic: half of the replications gain what the others lose.
        for fraction, value in (
            (1.0, 0.5),
            (0.5, 0.5 + gain * (-1 if kind == "epistemic" and replication % 2 else 1)),
        )
    ]
    columns = [*("dataset", "strategy", "phase", "uncertainty", "replication")]
    return pd.DataFrame(rows, columns=[*columns, "retained_fraction", "score", "value"])


def uncertainties(dataset, strategies, phase, folds):
    rng = np.random.default_rng(7)
    frames = [
        pd.DataFrame(
            {
                "dataset": dataset,
                "scored_dataset": scored,
                "strategy": strategy,
                "phase": phase,
                "fold": fold,
                "uncertainty": kind,
                "value": rng.normal(shift, 1.0, 30).round(1),  # ties
            }
        )
        for strategy in strategies
        for fold in folds
        for kind in KINDS
        for scored, shift in ((dataset, 0.0), ("ships", 1.0 if kind == "total" else -1.0))
    ]
    return pd.concat(frames, ignore_index=True)


def plant_run(folder):
    """A finished run with one upstream set, `events`, and one transfer set, `scenes`."""
    for name in ("metrics", "tables", "figures"):
        (folder / name).mkdir(parents=True)
    for figure in ("retention_events", "boxplot_events", "boxplot_scenes", "phases_scenes"):
        Image.new("RGB", (40, 20), "white").save(folder / f"figures/{figure}.png")
    table = [("drop", 0.5, 0.426), ("flip", 0.25, 0.415)]
    frame = pd.DataFrame(table, columns=["strategy", "ours", "paper"])
    frame["difference"] = frame["ours"] - frame["paper"]
    frame.assign(metric="mAP").to_csv(folder / "tables/table3.csv", index=False)
    (folder / "tables/table3.md").write_text("| Model |\n|:--|\n| planted table |\n")
    accuracies = [
        ("scenes", scored, strategy, phase, fold, 0, "accuracy", value)
        for strategy, phases in ACCURACY.items()
        for phase, values in phases.items()
        for fold, accuracy in enumerate(values, 1)
        for scored, value in (("scenes", accuracy), ("ships", 0.9))
    ]
    columns = ["dataset", "scored_dataset", "strategy", "phase", "fold", "replication"]
    pd.DataFrame(accuracies, columns=[*columns, "metric", "value"]).to_parquet(
        folder / "metrics/scenes.metrics.parquet"
    )
    retention(
        "events", "mAP", {("flip", "pretrained"): 0.25, ("drop", "pretrained"): -0.125}
    ).to_parquet(folder / "metrics/events.retention.parquet")
    curves = {("flip", "fixed"): -0.25, ("flip", "finetuned"): 0.25, ("det", "fixed"): 0.125}
    retention("scenes", "accuracy", curves).to_parquet(folder / "metrics/scenes.retention.parquet")
    uncertainties("events", ["drop", "flip"], "pretrained", [0]).to_parquet(
        folder / "metrics/events.uncertainty.parquet"
    )
    transferred = uncertainties("scenes", ["drop", "flip", "det"], "finetuned", [1, 2])
    transferred.to_parquet(folder / "metrics/scenes.uncertainty.parquet")
    pd.DataFrame(
        {
            "claim": ["a", "b", "c"],
            "sentence": ["planted claim A", "planted claim B", "planted claim C"],
            "section": "4.3",
            "dataset": "scenes",
            "verdict": ["holds", "holds", "does not hold"],
            "numbers": ["0.1 > 0.0", "0.2 > 0.1", "0.0 < 0.1"],
            "test": "t test",
            "p_holm": ["0.01", "0.5", ""],
            "beyond_chance": ["yes", "no", ""],
            "printed_verdict": ["holds", "does not hold", "ESC-50: holds; DCASE2013: holds"],
        }
    ).to_csv(folder / "tables/claims.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """name -> (executed notebook, its page, its text), run from a folder outside the repository."""
    folder = tmp_path_factory.mktemp("notebook")
    run, found = plant_run(folder / "run"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in NAMES:
            out = run / "notebooks" / name
            html = out.with_suffix(".html")
            execute_notebook(
                NOTEBOOKS / f"{name}.ipynb", PARAMETERS[name], out.with_suffix(".ipynb"), html
            )
            page = html.read_text()
            words = re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
            text = " ".join(unescape(words).split())
            found[name] = nbformat.read(out.with_suffix(".ipynb"), as_version=4), page, text
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_in_the_repository_is_clean_and_parameterized(name):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [cell for cell in code if "parameters" in cell.metadata.get("tags", [])] == [code[0]]
    assert notebook.metadata.kernelspec.name == "python3"
    assert "change the next cell" in notebook.cells[0].source
    assert notebook.cells[1] == code[0]
    # A result folder and pandas are enough to read it.
    assert not re.findall(r"^\s*(?:import|from) (?:vipann|snakemake)", _source(code), re.MULTILINE)
    named = set(re.findall(r"^(\w+) = ", code[0].source, re.MULTILINE))
    assert named == PARAMETERS[name].keys()


def _source(cells):
    return "\n".join(cell.source for cell in cells)


def test_there_is_a_test_for_each_notebook():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_ran_without_a_warning(executed, name):
    notebook, _, _ = executed[name]
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    assert all(cell.execution_count for cell in code)
    streams = [o.get("text") for cell in code for o in cell.outputs if o.output_type == "stream"]
    assert streams == []
    assert "/" not in json.dumps(notebook.metadata.get("papermill", {}).get("output_path", ""))


def test_pretraining_tells_what_was_planted(executed):
    _, _, text = executed["pretraining"]
    assert "planted table" in text
    assert "Drop has the highest mAP, 0.500, and Flip the lowest, 0.250: 0.250 apart" in text
    assert "that of Flip: 0.250 against 0.415" in text
    rises = "rises with entropy, does not change clearly with epistemic, rises with aleatoric"
    assert f"Flip: {rises}." in text
    assert f"Drop: {rises.replace('rises', 'falls')}." in text
    assert "of the 4 replications" in text


def test_transfer_tells_what_was_planted(executed):
    _, _, text = executed["transfer"]
    assert "mean over 2 test folds" in text
    assert "Flip 0.375 ± 0.125 0.500 ± 0.000 0.125 ± 0.000" in text
    assert "Flip: +0.125 ± 0.125, higher in 1 of 2 folds" in text
    assert "Det: -0.125 ± 0.125, higher in 0 of 2 folds" in text  # against scratch
    assert "Det is the most accurate (0.875), before Flip (0.500)" in text
    # Differences 0.25 and 0.5: their mean, 0.375, is 3 times their standard error.
    assert "lead is more than twice its standard error" in text
    assert "Fine-tuned , most certain 50% of the clips: accuracy rises in 2 of 3 cases" in text
    assert "and falls in 2: Flip with entropy, Flip with aleatoric." in text
    assert "planted-run" in text


def test_out_of_distribution_agrees_with_scikit_learn(executed):
    _, _, text = executed["out_of_distribution"]
    clips = uncertainties("scenes", ["drop", "flip", "det"], "finetuned", [1, 2])
    aurocs = {}
    for (strategy, kind), both in clips.groupby(["strategy", "uncertainty"]):
        per_fold = [
            roc_auc_score(fold["scored_dataset"] == "ships", fold["value"])
            for _, fold in both.groupby("fold")
        ]
        aurocs[strategy, kind] = np.mean(per_fold)
    bayesian = {key: value for key, value in aurocs.items() if key[0] != "det"}
    for value in bayesian.values():
        assert f"{value:.3f}" in text
    (strategy, _), best = max(bayesian.items(), key=lambda item: item[1])
    assert f"highest AUROC, {best:.3f}, has {strategy.capitalize()} with entropy" in text
    assert "higher in 2 of 6 cases" in text


def test_claims_counts_its_verdicts(executed):
    _, _, text = executed["claims"]
    assert "3 statements, judged on run planted-run : 2 holds , 1 does not hold ." in text
    assert "the same verdict for 1 of the 2 statements that can be judged by both" in text
    assert "Of the 2 with a test of significance, 1 are beyond chance" in text
    assert text.count("planted claim A") == 1
    assert text.count("planted claim C") == 2  # in the whole list and as the rarest verdict


def test_images_are_inside_the_pages_and_missing_figures_are_left_out(executed):
    counts = {"pretraining": 1, "transfer": 2, "out_of_distribution": 2, "claims": 0}
    for name, count in counts.items():
        images = re.findall(r"<img[^>]*src=\"([^\"]*)\"", executed[name][1])
        assert len(images) == count, name
        assert all(image.startswith("data:image/png;base64,") for image in images)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_asks_nothing_of_the_network(executed, name):
    _, page, _ = executed[name]
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', page)
    assert not re.findall(r"https?://[^\s\"']*(?:cdnjs|unpkg|jsdelivr)[^\s\"']*", page)


def test_an_executed_notebook_runs_again_where_it_lies_after_its_folder_moved(tmp_path):
    run = plant_run(tmp_path / "run")
    first = run / "notebooks/r.ipynb"
    execute_notebook(
        NOTEBOOKS / "claims.ipynb", PARAMETERS["claims"], first, first.with_suffix(".html")
    )
    moved = run.rename(tmp_path / "elsewhere") / "notebooks/r.ipynb"
    notebook = nbformat.read(moved, as_version=4)
    notebook.cells[-1].source = "print(len(claims) + 39)"
    nbformat.write(notebook, moved)
    execute_notebook(moved, {}, moved, moved.with_suffix(".html"))
    (output,) = nbformat.read(moved, as_version=4).cells[-1].outputs
    assert output.text == "42\n"


def test_a_failing_cell_is_told_and_leaves_no_output(tmp_path):
    run = plant_run(tmp_path / "run")
    (run / "tables/claims.csv").unlink()
    out = run / "notebooks"
    with pytest.raises(UserError, match=r"claims\.ipynb.*FileNotFoundError.*claims\.csv"):
        execute_notebook(NOTEBOOKS / "claims.ipynb", WHERE, out / "r.ipynb", out / "r.html")
    assert list(out.iterdir()) == []

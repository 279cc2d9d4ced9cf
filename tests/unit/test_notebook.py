"""The report notebooks on a planted run: the words and numbers they must come to, and pages."""

import ast
import json
import re
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vipann.errors import UserError
from vipann.evaluation.supplementary import INTERVAL_COLUMNS
from vipann.notebook import execute_notebook
from vipann.papers.vi_pann.tables import ood
from vipann.strategies import STRATEGIES

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = ["claims", "out_of_distribution", "pretraining", "transfer", "uncertainty_overview"]
WHERE = {"results_dir": "..", "run": "planted-run"}
PARAMETERS = {
    "pretraining": {**WHERE, "upstream": "events"},
    "transfer": {**WHERE, "dataset": "scenes"},
    "out_of_distribution": {**WHERE, "datasets": ["scenes"], "upstream": "events", "ood": "ships"},
    "claims": WHERE,
    "uncertainty_overview": WHERE,
}
KINDS = ("total", "epistemic", "aleatoric")
SCORE_COLUMNS = ["dataset", "scored_dataset", "strategy", "phase", "fold", "replication"]
SCORE_COLUMNS += ["metric", "value"]

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


def detections(dataset, strategies, phase, folds):
    """AUROCs at random, of 3 replications, and a mean uncertainty, which is none."""
    rng = np.random.default_rng(8)
    rows = [
        (dataset, "ships", strategy, phase, fold, replication, metric, rng.random())
        for strategy in strategies
        for fold in folds
        for replication in range(3)
        for metric in (*(f"auroc_{kind}" for kind in KINDS), "mean_total")
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def plant_accuracies(folder, accuracies):
    """strategy -> phase -> accuracy in each fold, and AUROCs after fine-tuning."""
    rows = [
        ("scenes", scored, strategy, phase, fold, 0, "accuracy", value)
        for strategy, phases in accuracies.items()
        for phase, values in phases.items()
        for fold, accuracy in enumerate(values, 1)
        for scored, value in (("scenes", accuracy), ("ships", 0.9))
    ]
    own = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    outside = detections("scenes", ["drop", "flip", "det"], "finetuned", [1, 2])
    pd.concat([own, outside]).to_parquet(folder / "metrics/scenes.metrics.parquet")


def plant_run(folder):
    """A finished run with one upstream set, `events`, and one transfer set, `scenes`."""
    for name in ("metrics", "tables", "figures"):
        (folder / name).mkdir(parents=True)
    figures = ("retention_events", "boxplot_events", "boxplot_scenes", "phases_scenes")
    for figure in (*figures, "uncertainty_samples_events"):
        Image.new("RGB", (40, 20), "white").save(folder / f"figures/{figure}.png")
    table = [("drop", 0.5, 0.426), ("flip", 0.25, 0.415)]
    frame = pd.DataFrame(table, columns=["strategy", "ours", "paper"])
    frame["difference"] = frame["ours"] - frame["paper"]
    frame.assign(metric="mAP").to_csv(folder / "tables/table3.csv", index=False)
    planted = {"table3": "table", "uncertainty_claims": "claim", "uncertainty_samples": "number"}
    for name, what in planted.items():
        (folder / f"tables/{name}.md").write_text(f"| Model |\n|:--|\n| planted {what} |\n")
    shortcuts = [
        ("events", "level_db", 0.25, 0.75, 3, 9),
        ("scenes", "level_db", 0.8125, 0.8125, 2, 11),
        ("scenes", "padding_share", 0.5, 0.5, 7, 11),
    ]
    columns = ["dataset", "score", "auroc", "separation", "uncertainties_above", "uncertainties"]
    pd.DataFrame(shortcuts, columns=columns).to_csv(folder / "tables/shortcuts.csv", index=False)
    plant_accuracies(folder, ACCURACY)
    upstream = detections("events", ["drop", "flip", "det"], "pretrained", [0])
    upstream.to_parquet(folder / "metrics/events.metrics.parquet")
    gains = {("flip", "pretrained"): 0.25, ("drop", "pretrained"): 0.125}
    curves = retention("events", "mAP", gains)
    # By random orders Drop rises more than by its entropy, and Flip less.
    by_chance = curves[curves["uncertainty"] == "total"].assign(uncertainty="random")
    by_chance.loc[by_chance["retained_fraction"] == 0.5, "value"] = 0.6875
    pd.concat([curves, by_chance]).to_parquet(folder / "metrics/events.retention.parquet")
    curves = {("flip", "fixed"): -0.25, ("flip", "finetuned"): 0.25, ("det", "fixed"): 0.125}
    curves[("drop", "scratch")] = 0.125
    retention("scenes", "accuracy", curves).to_parquet(folder / "metrics/scenes.retention.parquet")
    uncertainties("events", ["drop", "flip"], "pretrained", [0]).to_parquet(
        folder / "metrics/events.uncertainty.parquet"
    )
    transferred = uncertainties("scenes", ["drop", "flip", "det"], "finetuned", [1, 2])
    transferred.to_parquet(folder / "metrics/scenes.uncertainty.parquet")
    pd.DataFrame(
        {
            "claim": list("abcdef"),
            "sentence": [f"planted claim {letter}" for letter in "ABCDEF"],
            "section": "4.3",
            "dataset": ["scenes"] * 5 + [""],
            "verdict": ["holds", "holds", "does not hold", "holds", "cannot be judged", "holds"],
            "numbers": ["0.1 > 0.0", "0.2 > 0.1", "0.0 < 0.1", "0.3 > 0.0", "", "2.0"],
            "test": "t test",
            "p_holm": ["0.01", "0.5", "", "", "", ""],
            "beyond_chance": ["yes", "no", "", "", "", ""],
            "printed_verdict": [
                "holds",
                "does not hold",
                "ESC-50: holds; DCASE2013: holds",
                "ESC-50: holds; UrbanSound8K: does not hold; DCASE2013: cannot be judged",
                "holds",
                "holds",
            ],
        }
    ).to_csv(folder / "tables/claims.csv", index=False)
    return folder


def execute(run, name, parameters):
    """(executed notebook, its page, the page's text)."""
    out = run / "notebooks" / f"{name}.ipynb"
    html = out.with_suffix(".html")
    execute_notebook(NOTEBOOKS / f"{name}.ipynb", parameters, out, html)
    page = html.read_text()
    words = re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return nbformat.read(out, as_version=4), page, " ".join(unescape(words).split())


def told(notebook):
    """The text that the cells of an executed notebook put out, without their code."""
    data = [o.data for c in notebook.cells for o in c.get("outputs", []) if "data" in o]
    return "\n".join(one.get("text/markdown") or one.get("text/html", "") for one in data)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """name -> (executed notebook, its page, its text), run from a folder outside the repository."""
    folder = tmp_path_factory.mktemp("notebook")
    run, found = plant_run(folder / "run"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in NAMES:
            found[name] = execute(run, name, PARAMETERS[name])
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
    assert "Drop: falls with entropy, falls with epistemic, falls with aleatoric." in text
    assert "all 4 replications lie on one side" in text


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
    # Drop, from scratch alone, is no case of fixed against fine-tuned.
    assert "fixed curve in 0 of 3 cases" in text
    assert "Table 4 and Table 5 of the run have the same numbers" in text


def test_out_of_distribution_has_the_tables_aurocs(executed, tmp_path):
    notebook, _, text = executed["out_of_distribution"]
    run = plant_run(tmp_path / "run")
    intervals = tmp_path / "intervals.parquet"
    pd.DataFrame(columns=INTERVAL_COLUMNS).to_parquet(intervals)
    paths = [run / f"metrics/{name}.metrics.parquet" for name in ("events", "scenes")]
    table = ood.table({"metrics": paths, "intervals": [intervals]}, {}).frame.set_index(
        ["dataset", "strategy", "metric"]
    )["value"]
    cases = [(strategy, kind) for strategy in ("drop", "flip") for kind in KINDS]
    aurocs = {
        name: {(s, k): table[name, s, f"auroc_{k}"] for s, k in cases}
        for name in ("events", "scenes")
    }
    shown = told(notebook)
    for strategy, kind in cases:
        before, after = (aurocs[name][strategy, kind] for name in aurocs)
        word = kind.replace("total", "entropy")
        assert f"{strategy.capitalize()}, {word}: {before:.3f} → {after:.3f}" in text
        assert all(f">{value:.3f}</td>" in shown for value in (before, after))
    for values in aurocs.values():
        (strategy, kind), best = max(values.items(), key=lambda item: item[1])
        word = kind.replace("total", "entropy")
        assert f"highest AUROC, {best:.3f}, has {strategy.capitalize()} with {word}." in text
    higher = sum(aurocs["scenes"][case] > aurocs["events"][case] for case in cases)
    assert f"the AUROC is higher after it in {higher} of 6 cases" in text
    assert "det" not in shown.lower().replace("detection", "")


def test_out_of_distribution_tells_the_strongest_shortcut(executed):
    _, _, text = executed["out_of_distribution"]
    for dataset, told in (
        ("events", "separation of 0.750 ; 3 of 9 uncertainties"),
        ("scenes", "separation of 0.812 ; 2 of 11 uncertainties"),
    ):
        assert dataset in text
        assert re.sub(r"\s", "", told) in re.sub(r"\s", "", text)


def test_out_of_distribution_counts_rises_of_the_median_and_spread(executed):
    notebook, _, _ = executed["out_of_distribution"]
    clips = uncertainties("scenes", ["drop", "flip", "det"], "finetuned", [1, 2])
    folds = clips[clips["strategy"] != "det"].groupby(
        ["strategy", "uncertainty", "scored_dataset", "fold"]
    )["value"]
    spread = folds.agg(lambda values: np.subtract(*np.percentile(values, [75, 25])))
    every = ["strategy", "uncertainty", "scored_dataset"]
    median, spread = (each.groupby(every).mean().unstack() for each in (folds.median(), spread))
    shown = told(notebook)
    for frame in (median, spread):
        assert all(f">{value:.3f}</td>" in shown for value in frame.to_numpy().ravel())
    wider = int((spread["ships"] > spread["scenes"]).sum())
    assert (median["ships"] > median["scenes"]).sum() == 2
    lines = shown.split("fine-tuned")[1].replace("\n", " ")
    assert "higher in 2 of 6 cases" in lines
    assert f"spreads more widely in {wider}." in lines


@pytest.mark.parametrize(
    ("parameters", "left_out", "shown"),
    [
        ({"upstream": None}, "events", "`scenes`, fine-tuned"),
        ({"datasets": []}, "scenes", "`events`, pretrained"),
    ],
)
def test_out_of_distribution_without_upstream_or_without_transfer(
    tmp_path, parameters, left_out, shown
):
    run = plant_run(tmp_path / "run")
    for path in run.rglob(f"*{left_out}*"):
        path.unlink()
    name = "out_of_distribution"
    notebook, _, _ = execute(run, name, PARAMETERS[name] | parameters)
    text = told(notebook)
    assert text.count("### Networks of") == 1
    assert f"### Networks of {shown}" in text
    assert "Before and after" not in text
    assert not re.search(f"None|nan|{left_out}", text)
    # The last cell: the folds of the phase that the run has.
    assert notebook.cells[-1].outputs[0].data["text/html"].count("aleatoric") == 2


def test_a_run_without_bayesian_networks_says_so(tmp_path):
    run = plant_run(tmp_path / "run")
    for kind in ("metrics", "uncertainty", "retention"):
        path = run / f"metrics/scenes.{kind}.parquet"
        frame = pd.read_parquet(path)
        frame[frame["strategy"] == "det"].to_parquet(path)
    name = "out_of_distribution"
    notebook, _, _ = execute(run, name, PARAMETERS[name] | {"upstream": None})
    assert "This run has no Bayesian network to ask." in told(notebook)
    execute(run, "transfer", PARAMETERS["transfer"])


def test_transfer_without_det_and_without_baselines(tmp_path):
    run = plant_run(tmp_path / "run")
    flip = {phase: ACCURACY["flip"][phase] for phase in ("fixed", "finetuned")}
    plant_accuracies(run, {"flip": flip})
    gains = {("flip", "fixed"): -0.25, ("flip", "finetuned"): 0.25}
    retention("scenes", "accuracy", gains).to_parquet(run / "metrics/scenes.retention.parquet")
    text = told(execute(run, "transfer", PARAMETERS["transfer"])[0])
    assert "0.375 ± 0.125" in text
    assert "scratch" not in text
    assert "Table 5" not in text
    assert "Det" not in text


def test_claims_counts_its_verdicts(executed):
    _, _, text = executed["claims"]
    counts = "4 hold , 1 does not hold , 1 cannot be judged"
    assert f"6 statements, judged on run planted-run : {counts} ." in text
    # A; B and C, which is printed the same for two datasets; D. Not F, of the paper's networks.
    assert "4 of these can be judged too: 1 with the same verdict, 2 with the other, and 1" in text
    assert "Of the 2 with a test of significance, 1 are beyond chance" in text
    assert text.count("planted claim A") == 1
    assert text.count("planted claim E") == 2  # in the whole list and as the rarest verdict


def test_images_are_inside_the_pages_and_missing_figures_are_left_out(executed):
    counts = {"pretraining": 1, "transfer": 2, "out_of_distribution": 2, "claims": 0}
    counts["uncertainty_overview"] = 1
    for name, count in counts.items():
        images = re.findall(r"<img[^>]*src=\"([^\"]*)\"", executed[name][1])
        assert len(images) == count, name
        assert all(image.startswith("data:image/png;base64,") for image in images)


def test_the_overview_shows_the_claims_once_and_every_part_that_the_run_has(executed):
    _, page, _ = executed["uncertainty_overview"]
    shown = [page.count(f">planted {what}<") for what in ("claim", "number", "table")]
    assert shown == [1, 1, 0]


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
    notebook.cells[-1].source = "print(len(claims) + 36)"
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


@pytest.mark.parametrize("name", ["out_of_distribution", "pretraining", "transfer"])
def test_notebooks_have_a_word_for_every_strategy(name):
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    known = re.search(r"^NAMES = (.*)$", "\n".join(cell.source for cell in cells), re.MULTILINE)
    assert ast.literal_eval(known[1]) == {one.name: one.label for one in STRATEGIES}

"""The tables of scores of out-of-distribution clips and of the Laplace approximation."""

import pandas as pd
import pytest
from test_shortcuts_table import write_clips
from test_supplementary_tables import cells

from vipann.evaluation.detection_tables import DETECTION_COLUMNS
from vipann.evaluation.metrics import METRIC_COLUMNS
from vipann.evaluation.supplementary import INTERVAL_COLUMNS
from vipann.figures.style import style_from
from vipann.papers.uncertainty.figures import ood_scores as ood_figure
from vipann.papers.uncertainty.tables import laplace, ood_scores
from vipann.tables.layout import write_table

MEASURES = {"auroc": 0.0, "aupr": -0.1, "fpr95": -0.3}


@pytest.fixture
def scored(tmp_path):
    """Det's and Flip's entropy, energy and nearest neighbours of one dataset, on two folds."""
    values = {
        ("det", "total"): 0.6,
        ("det", "epistemic"): 0.5,
        ("det", "nearest_neighbours"): 0.99,
        ("flip", "total"): 0.7,
        ("flip", "epistemic"): 0.65,
    }
    rows = [
        (
            *("own", "ships", strategy, "finetuned", fold, score, measure, value + change),
            *(0.4, 0.995, "total", value - 0.6, value - 0.65, value - 0.55),
            *(2, 60, 20, 100),
        )
        for (strategy, score), value in values.items()
        for fold in ("1", "2", "all")
        for measure, change in MEASURES.items()
    ]
    path = tmp_path / "own.ood_scores.parquet"
    pd.DataFrame(rows, columns=DETECTION_COLUMNS).to_parquet(path)
    own = write_clips(tmp_path / "own.h5", 90, 0)
    outside = write_clips(tmp_path / "ships_5s.h5", 40, 1, shift=-1.0)
    # A dataset that hears the same clips and is not scored.
    other = write_clips(tmp_path / "other.h5", 9, 2)
    return {"scores": [path], "own": [other, own], "outside": [outside, outside]}


def test_scores_are_shown_side_by_side_and_held_against_shortcuts(scored, tmp_path):
    table = ood_scores.table(scored, {"own": "Own sounds"})
    whole = table.frame[table.frame["fold"] == "all"].set_index(["strategy", "score", "measure"])
    assert ("det", "epistemic", "auroc") not in whole.index
    separation = whole["separation"].iloc[0]
    assert 0.7 < separation < 0.9
    above = whole["above_shortcuts"]
    assert above["det", "nearest_neighbours", "auroc"]
    assert not above["flip", "total", "auroc"]
    assert pd.isna(above["flip", "total", "aupr"])
    write_table(table, *(tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")))
    header, body = cells(tmp_path / "table.md")
    assert header[:4] == ["Dataset", "Phase", "Score", "Flip AUROC"]
    shown = {row[2]: row for row in body}
    assert shown["Nearest neighbours"][header.index("Det AUROC")] == "0.990 *"
    assert shown["Nearest neighbours"][3] == "–"
    assert shown["Epistemic"][header.index("Det AUROC")] == "–"
    assert shown["Entropy"][header.index("Det FPR95")] == "0.300"
    text = (tmp_path / "table.md").read_text()
    assert "Nearest neighbours of Det fine-tuned, AUROC 0.990; 1 of 4 are above" in text


def test_without_audio_nothing_is_held_against(scored, tmp_path):
    bare = [write_clips(tmp_path / f"{name}.h5", 30, 0, measures=()) for name in ("own", "ships")]
    table = ood_scores.table(scored | {"own": bare[:1], "outside": bare[1:]}, {})
    assert table.frame["above_shortcuts"].isna().all()
    assert "without audio" in table.notes[-1]


@pytest.fixture
def approximated(tmp_path):
    """Det and Laplace fine-tuned on two folds, Det fixed too."""
    models = {("det", "finetuned"): 0.4, ("det", "fixed"): 0.5, ("laplace", "finetuned"): 0.3}
    own = {"det": [], "laplace": []}
    for (strategy, phase), nll in models.items():
        for fold in (1, 2):
            scores = {"accuracy": 0.9, "nll": nll + fold / 10}
            outside = {"auroc_epistemic": 0.5 + nll, "auroc_total": 0.8}
            if strategy == "laplace":
                scores["prior_precision"] = 10.0 * fold
            for scored, chosen in (("own", scores), ("ships", outside)):
                own[strategy] += [
                    ("own", scored, strategy, phase, fold, 0, metric, value)
                    for metric, value in chosen.items()
                ]
        ece = ("own", "own", strategy, phase, 0, 0, "ece_pooled", nll / 10)
        own[strategy].append(ece)
    paths = {}
    for strategy, metrics, intervals in (
        ("laplace", "laplace", "laplace_intervals"),
        ("det", "metrics", "intervals"),
    ):
        bounds = [
            ("own", "own", strategy, "finetuned", "nll", 0.3, 0.25, 0.35, 2, 30, 100),
            ("own", "ships", strategy, "finetuned", "auroc_total", 0.8, 0.7, 0.9, 2, 12, 100),
        ]
        for name, rows, columns in (
            (metrics, own[strategy], METRIC_COLUMNS),
            (intervals, bounds, INTERVAL_COLUMNS),
        ):
            paths[name] = [tmp_path / f"{name}.parquet"]
            pd.DataFrame(rows, columns=columns).to_parquet(paths[name][0])
    return paths


def test_laplace_stands_below_the_network_that_it_is_of(approximated, tmp_path):
    table = laplace.table(approximated, {})
    frame = table.frame.set_index(["strategy", "metric"])
    assert set(table.frame["phase"]) == {"finetuned"}
    assert frame.loc[("laplace", "nll"), "value"] == pytest.approx(0.45)
    assert frame.loc[("laplace", "nll"), "standard_error"] == pytest.approx(0.05)
    assert frame.loc[("laplace", "auroc_total"), "high"] == 0.9
    assert ("det", "auroc_epistemic") not in frame.index
    write_table(table, *(tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")))
    header, (det, own) = cells(tmp_path / "table.md")
    assert [det[2], own[2]] == ["Det", "Det, Laplace"]
    assert own[header.index("NLL")] == "0.450 ± 0.050"
    assert own[header.index("Prior precision")] == "15"
    assert det[header.index("Prior precision")] == "–"
    assert own[header.index("AUROC, epistemic")] == "0.800"
    assert det[header.index("AUROC, epistemic")] == "–"
    assert own[header.index("ECE")] == "0.0300"


def test_without_other_clips_there_is_no_detection(approximated):
    for name in ("laplace", "metrics"):
        frame = pd.read_parquet(approximated[name][0])
        frame[frame["scored_dataset"] == "own"].to_parquet(approximated[name][0])
    table = laplace.table(approximated, {})
    assert not table.frame["metric"].str.startswith("auroc").any()
    assert list(table.cells.columns) == ["Accuracy", "NLL", "ECE", "Prior precision"]


def test_advice_is_the_best_of_one_pass_unless_sampling_is_better(scored):
    frame = ood_scores.table(scored, {}).frame
    found = ood_scores.advice(frame)
    assert "takes one pass: Nearest neighbours of Det fine-tuned (AUROC 0.990)" in found
    assert "Monte Carlo passes is Entropy of Flip fine-tuned (AUROC 0.700)" in found
    sampled = frame[frame["score"] != "nearest_neighbours"]
    found = ood_scores.advice(sampled)
    assert (
        "Monte Carlo passes: Entropy of Flip fine-tuned (AUROC 0.700), whose interval is not"
        in found
    )
    certain = sampled.assign(low=0.65)
    assert "whose interval is above the best of one pass, Entropy of Det" in ood_scores.advice(
        certain
    )


def test_advice_on_laplace_goes_by_the_nll(approximated):
    frame = laplace.table(approximated, {}).frame
    assert "lowers the NLL (fine-tuned 0.550 to 0.450)" in laplace.advice(frame)
    worse = frame.assign(value=frame["value"].where(frame["strategy"] == "det", 0.9))
    assert "does not lower the NLL" in laplace.advice(worse)


def test_the_figure_draws_each_score_with_its_interval(scored):
    style = style_from({})
    with style.applied():
        drawn, rows = ood_figure.figure({"scores": scored["scores"]}, style, {"own": "Own sounds"})
    assert set(zip(rows["strategy"], rows["score"], strict=True)) == {
        ("flip", "total"),
        ("flip", "epistemic"),
        ("det", "total"),
        ("det", "nearest_neighbours"),
    }
    (axes,) = drawn.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["Nearest neighbours", "Epistemic", "Entropy"]
    points = {tuple(line.get_xdata()) for line in axes.lines[1:]}
    assert points == {(0.7, 0.65), (0.6, 0.99)}

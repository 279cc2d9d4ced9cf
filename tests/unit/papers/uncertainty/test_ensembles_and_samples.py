"""Tables, the figure and the claims on ensembles and on samples, with planted numbers."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from vipann.claims.ledger import ledger
from vipann.evaluation.metrics import METRIC_COLUMNS
from vipann.evaluation.retention import UNCERTAINTY_COLUMNS
from vipann.evaluation.samples import CURVE_COLUMNS
from vipann.evaluation.supplementary import INTERVAL_COLUMNS
from vipann.figures.style import Style
from vipann.papers.uncertainty import claims
from vipann.papers.uncertainty.figures import samples as figure
from vipann.papers.uncertainty.tables import ensembles, samples
from vipann.tables.layout import markdown

FOLDS = (1, 2, 3, 4, 5)
SCORES = {
    "det": {"accuracy": 0.8, "nll": 0.70, "brier": 0.30, "ece_pooled": 0.10},
    "ens": {"accuracy": 0.9, "nll": 0.50, "brier": 0.20, "ece_pooled": 0.05},
    "flip": {"accuracy": 0.7, "nll": 0.90, "brier": 0.40, "ece_pooled": 0.20},
}
# Of own clips; Flip's epistemic part is half a percent.
PARTS = {"det": (0.0, 1.0), "ens": (0.2, 1.0), "flip": (0.005, 1.0)}
COSTS = {"own": {"det": [1, 1], "ens": [3, 3], "flip": [1, 10], "swag": [1.5, 8]}}
SETTINGS = {"datasets": {"own": {"training_folds": 4}}}
GRID = (1, 2, 5, 10, 20, 50, 100, 150, 200)


def metric_rows(scores, phase="finetuned"):
    rows = []
    for strategy, found in scores.items():
        epistemic, total = PARTS.get(strategy, (0.1, 1.0))
        given = {**found, "mean_epistemic": epistemic, "mean_total": total}
        for fold in FOLDS:
            for metric, value in given.items():
                shown = value * (1 + fold / 1000)
                rows.append(("own", "own", strategy, phase, fold, 0, metric, shown))
            rows.append(("own", "ships", strategy, phase, fold, 0, "auroc_epistemic", 0.75))
    return pd.DataFrame(rows, columns=METRIC_COLUMNS)


def interval_rows(scores):
    rows = [
        ("own", "own", strategy, "finetuned", "accuracy", 0.8, 0.7, 0.95, 5, 80, 100)
        for strategy in scores
    ]
    return pd.DataFrame(rows, columns=INTERVAL_COLUMNS)


def clip_rows(correlated):
    """Own clips: of the named strategies the parts go together, of the others they do not."""
    rng, rows = np.random.default_rng(0), []
    for strategy in ("ens", "flip", "drop"):
        for fold in FOLDS:
            aleatoric = rng.random(30)
            epistemic = aleatoric if strategy in correlated else rng.random(30)
            for kind, values in (("aleatoric", aleatoric), ("epistemic", epistemic)):
                rows += [
                    ("own", "own", strategy, "finetuned", fold, f"c{i}", f"c{i}", kind, value)
                    for i, value in enumerate(values)
                ]
    return pd.DataFrame(rows, columns=UNCERTAINTY_COLUMNS)


def curve_rows(needed):
    """Curves of which the ranking passes 0.99 at so many samples; strategy -> number."""
    rows = []
    for strategy, number in needed.items():
        for kind in ("total", "aleatoric", "epistemic"):
            for m in GRID:
                rank = 0.995 if m >= number else 0.97 if m >= number / 4 else 0.5
                mean = 2.0 * (1 - 1 / m) if kind == "epistemic" else 3.0
                own = ("own", strategy, "finetuned", 1, 40, kind, m, 200 // m, mean, mean, rank)
                rows.append(own)
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


@pytest.fixture
def kept(tmp_path):
    """Write a frame as a file of the dataset own, and return its path in a list."""

    def write(frame, kind):
        path = tmp_path / f"own.{kind}.parquet"
        frame.to_parquet(path, index=False)
        return [str(path)]

    return write


def judged(kept, key, metrics=None, clips=None, curves=None):
    files = {}
    if metrics is not None:
        files = {"ensembles": kept(metrics, "metrics"), "ensembles_clips": kept(clips, "clips")}
    if curves is not None:
        files["samples"] = kept(curves, "samples")
    views = {scope: [] for scope in claims.PAPER.stages} | claims.read_views(files, SETTINGS)
    return ledger(claims.PAPER, views).set_index("claim").loc[key]


def test_scores_stand_beside_what_they_cost(kept):
    one_training = {"swag": {"accuracy": 0.85, "nll": 0.6, "brier": 0.25, "ece_pooled": 0.07}}
    sources = {
        "metrics": kept(metric_rows(SCORES), "metrics"),
        "intervals": kept(interval_rows(SCORES), "intervals"),
        "one_training": kept(metric_rows(one_training), "one_training.metrics"),
        "one_training_intervals": kept(interval_rows(one_training), "one_training.intervals"),
    }
    made = ensembles.table(sources, {"own": None}, COSTS)
    rows = made.frame.set_index(["strategy", "metric"])
    assert rows.loc[("swag", "accuracy"), "value"] == pytest.approx(0.85 * 1.003)
    assert rows.loc[("ens", "accuracy"), "low"] == 0.7
    assert rows.loc[("swag", "nll"), "trainings"] == 1.5
    assert ("det", "auroc_epistemic") not in rows.index
    text = markdown(made)
    lines = [[cell.strip() for cell in line.split("|")[3:-1]] for line in text.splitlines()]
    (ens,) = [line for line in lines if line[:1] == ["Ens"]]
    assert ens[-3:] == ["0.750 ± 0.000", "3", "3"]
    (one,) = [line for line in lines if line[:1] == ["SWAG"]]
    assert one[-2:] == ["1.5", "8"]
    shown = [line[0] for line in lines if line and line[0] in ensembles.MODELS.values()]
    assert shown == ["Det", "Ens", "SWAG", "Flip"]


def test_a_laplace_approximation_has_a_row_where_there_are_ensembles(kept):
    own = metric_rows({"laplace": {"accuracy": 0.81, "nll": 0.45, "brier": 0.25}})
    elsewhere = own.assign(dataset="other", scored_dataset="other")
    sources = {
        "metrics": kept(metric_rows(SCORES), "metrics"),
        "intervals": kept(interval_rows(SCORES), "intervals"),
        "laplace": kept(pd.concat([own, elsewhere]), "laplace"),
        "laplace_intervals": kept(interval_rows(["laplace"]), "laplace_intervals"),
    }
    costs = {"own": COSTS["own"] | {"laplace": [1, 1]}}
    made = ensembles.table(sources, {}, costs)
    assert set(made.frame["dataset"]) == {"own"}
    rows = made.frame.set_index(["strategy", "metric"])
    assert rows.loc[("laplace", "nll"), "value"] == pytest.approx(0.45 * 1.003)
    assert rows.loc[("laplace", "nll"), ["trainings", "passes"]].tolist() == [1, "1"]
    assert rows.loc[("laplace", "accuracy"), "low"] == 0.7
    assert "Det, Laplace" in markdown(made)
    # As the job of the page reads it.
    text = ensembles.advice(pd.read_csv(io.StringIO(made.frame.to_csv(index=False))))
    assert text == (
        "On own, fine-tuned, Det, Laplace has the least NLL (0.451; Det 0.702) for 1 training and "
        "1 pass a clip."
    )
    ens = made.frame[made.frame["strategy"] != "laplace"]
    assert "Ens has the least NLL (0.501; Det 0.702) for 3 trainings and 3 passes a clip." in (
        ensembles.advice(ens)
    )
    alone = ens[ens["strategy"] != "ens"]
    assert "nothing has a lower NLL than one Det network (0.702)" in ensembles.advice(alone)


def test_small_scores_of_many_classes_have_a_fourth_decimal(kept):
    small = {name: {"nll": nll} for name, nll in (("det", 0.0172), ("ens", 0.0161))}
    sources = {
        "metrics": kept(metric_rows(small), "metrics"),
        "intervals": kept(interval_rows(small), "intervals"),
    }
    made = ensembles.table(sources, {}, COSTS)
    assert "| 0.0173 ± 0.0000 |" in markdown(made)
    assert "Ens has the least NLL (0.0161; Det 0.0173)" in ensembles.advice(made.frame)


def test_a_run_without_out_of_distribution_clips_has_the_table_too(kept):
    metrics = metric_rows(SCORES)
    own = metrics[metrics["scored_dataset"] == "own"]
    sources = {
        "metrics": kept(own, "metrics"),
        "intervals": kept(interval_rows(SCORES), "intervals"),
        "one_training": [],
        "one_training_intervals": [],
    }
    made = ensembles.table(sources, {}, COSTS)
    assert "auroc_epistemic" not in set(made.frame["metric"])
    assert "AUROC" not in markdown(made).splitlines()[2]


def test_the_table_says_how_many_samples_are_enough(kept):
    made = samples.table({"curves": kept(curve_rows({"flip": 20, "drop": 100}), "samples")}, {})
    rows = made.frame.set_index(["strategy", "measure"])["value"]
    assert rows["flip", "enough_0.99_epistemic"] == 20
    assert rows["flip", "enough_0.95_epistemic"] == 5
    assert rows["drop", "enough_0.99_total"] == 100
    # Ten of a planted 1 - 1 / M.
    assert rows["drop", "epistemic_seen"] == pytest.approx(0.9)
    assert "90%" in markdown(made)
    text = samples.advice(made.frame)
    assert "rank clips as 200 do" in text
    assert "Flip fine-tuned 5" in text
    assert "Drop fine-tuned 50" in text


def test_the_figure_draws_every_strategy_by_its_number_of_samples(kept):
    curves = curve_rows({"flip": 20, "drop": 100})
    drawn, frame = figure.figure({"curves": kept(curves, "samples")}, Style(), {"own": "Own"})
    assert len(frame) == len(curves)
    above, below = drawn.axes[1], drawn.axes[4]
    data = [line.get_xydata() for line in below.lines]
    expected = curves[(curves["uncertainty"] == "epistemic") & (curves["strategy"] == "flip")]
    points = expected[["mc_samples", "spearman"]].to_numpy()
    assert any(one.shape == points.shape and np.allclose(one, points) for one in data)
    assert above.get_xscale() == "log"
    assert len(above.lines) == 4, "a measured and a theoretical line of each"
    empty, _ = figure.figure({"curves": kept(curves[:0], "samples")}, Style(), {})
    assert not empty.axes


def test_an_ensemble_is_better_calibrated_where_both_scores_are_lower_on_every_fold(kept):
    clips = clip_rows(())
    found = judged(kept, "ensembles_calibrated", metric_rows(SCORES), clips)
    assert found["verdict"] == "holds"
    assert found["p"] < 0.01
    assert re.search(r"NLL 0\.50\d against Det's 0\.70\d", found["numbers"])
    worse = {**SCORES, "ens": SCORES["ens"] | {"brier": 0.35}}
    assert judged(kept, "ensembles_calibrated", metric_rows(worse), clips)["verdict"] == (
        "does not hold"
    )


def test_flipouts_epistemic_part_is_near_zero_below_a_percent(kept):
    found = judged(kept, "flipout_near_zero", metric_rows(SCORES), clip_rows(()))
    assert found["verdict"] == "holds"
    assert "0.5% of the entropy" in found["numbers"]
    without = metric_rows({name: SCORES[name] for name in ("det", "ens")})
    assert judged(kept, "flipout_near_zero", without, clip_rows(()))["verdict"] == (
        "cannot be judged"
    )


@pytest.mark.parametrize(
    ("correlated", "verdict"),
    [(("flip", "drop"), "holds"), (("ens", "drop"), "does not hold")],
)
def test_that_disentangles_best_whose_parts_go_least_together(kept, correlated, verdict):
    found = judged(kept, "ensembles_disentangle_best", metric_rows(SCORES), clip_rows(correlated))
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("needed", "verdict"),
    [
        ({"flip": 150, "det_flip": 200, "drop": 5}, "holds"),
        ({"flip": 150, "det_flip": 20}, "does not hold"),
        ({"drop": 200}, "cannot be judged"),
    ],
)
def test_more_than_100_samples_are_needed_where_all_flipout_networks_need_them(
    kept, needed, verdict
):
    assert judged(kept, "more_than_100_samples", curves=curve_rows(needed))["verdict"] == verdict


def test_without_ensembles_and_samples_nothing_is_judged(kept):
    for key in ("ensembles_calibrated", "more_than_100_samples"):
        found = judged(kept, key)
        assert found["verdict"] == "cannot be judged"
        assert "this run has no results of" in found["numbers"]

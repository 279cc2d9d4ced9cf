"""The verdicts on what each part of the uncertainty answers to, on planted scores; the tables and
figures of the same."""

import numpy as np
import pandas as pd
import pytest

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED, Unjudged
from vipann.figures.style import style_from
from vipann.papers.uncertainty.claims import PAPER, probes, read_views
from vipann.papers.uncertainty.figures import probes as figure_of_probes
from vipann.papers.uncertainty.figures import robustness as figure_of_robustness
from vipann.papers.uncertainty.tables import probes as table_of_probes
from vipann.papers.uncertainty.tables import robustness as table_of_robustness

FOLDS = range(1, 6)
# Settings: probe, setting, label, amount -> accuracy, aleatoric, epistemic, rank correlation.
AS_MEANT = {
    ("train_fraction", "0.25", "0.25", 0.25): (0.7, 0.50, 0.30, 0.5),
    ("train_fraction", "1", "1", 1.0): (0.9, 0.50, 0.10, 0.5),
    ("unknown_classes", "known", "known", np.nan): (0.9, 0.50, 0.10, 0.5),
    ("unknown_classes", "unknown", "unknown", np.nan): (np.nan, 0.60, 0.40, 0.5),
    ("clean", "clean", "clean", np.nan): (0.9, 0.50, 0.10, 0.5),
    ("white", "white_20", "White noise, 20 dB", 20.0): (0.85, 0.60, 0.12, 0.5),
    ("white", "white_0", "White noise, 0 dB", 0.0): (0.5, 0.90, 0.12, 0.5),
    ("low_pass", "low_pass_2000", "Low-pass, 2000 Hz", 2000.0): (0.8, 0.50, 0.20, 0.5),
}
MEASURES = ("accuracy", "mean_aleatoric", "mean_epistemic", "rank_correlation")


@pytest.fixture
def files(tmp_path):
    """Result files of planted scores, which vary a little over folds."""

    def write(changes=None):
        rows = []
        for place, ((probe, setting, label, amount), scores) in enumerate(
            (AS_MEANT | (changes or {})).items()
        ):
            for measure, score in zip(MEASURES, scores, strict=True):
                if np.isnan(score):
                    continue
                rng = np.random.default_rng(place)
                values = score + 0.005 * rng.standard_normal(len(FOLDS))
                about = {"probe": probe, "setting": setting, "label": label, "amount": amount}
                about |= {"dataset": "own", "strategy": "drop", "phase": "fixed", "network": ""}
                about |= {"measure": measure, "recordings": 40}
                for fold, value in zip([*FOLDS, "all"], [*values, values.mean()], strict=True):
                    bounds = {"value": value, "low": value - 0.02, "high": value + 0.02}
                    rows.append(about | {"fold": str(fold)} | bounds)
        frame = pd.DataFrame(rows)
        is_probe = frame["probe"].isin(["train_fraction", "unknown_classes"])
        frame[is_probe].to_parquet(tmp_path / "p.parquet")
        frame[~is_probe].to_parquet(tmp_path / "r.parquet")
        return {"probes": [tmp_path / "p.parquet"], "robustness": [tmp_path / "r.parquet"]}

    return write


def judged(sources):
    settings = {"datasets": {"own": {"paper_name": None, "training_folds": 4}}}
    views = read_views(sources, settings)
    found = {}
    for claim in PAPER.claims:
        if claim.key in probes.JUDGES:
            (view,) = views[claim.scope]
            found[claim.key] = PAPER.judge(claim, view)
    return found


def test_a_split_as_it_is_meant_bears_all_claims_out(files):
    found = judged(files())
    verdicts = {key: one.verdict for key, one in found.items()}
    assert verdicts.pop("parts_go_together") == FAILS
    assert set(verdicts.values()) == {HOLDS}, verdicts
    assert all(one.tested.p < 0.05 for one in found.values())
    assert found["data_lowers_epistemic"].numbers.startswith("Drop fixed: ")


OTHERWISE = [
    ("data_lowers_epistemic", ("train_fraction", "1", "1", 1.0), (0.9, 0.5, 0.4, 0.5)),
    ("data_leaves_aleatoric", ("train_fraction", "1", "1", 1.0), (0.9, 0.2, 0.1, 0.5)),
    (
        "noise_raises_aleatoric",
        ("white", "white_0", "White noise, 0 dB", 0.0),
        (0.5, 0.3, 0.1, 0.5),
    ),
    (
        "noise_lowers_accuracy",
        ("white", "white_0", "White noise, 0 dB", 0.0),
        (0.95, 0.9, 0.1, 0.5),
    ),
    (
        "unknown_classes_raise_epistemic",
        ("unknown_classes", "unknown", "unknown", np.nan),
        (np.nan, 0.6, 0.05, 0.5),
    ),
    (
        "channel_raises_epistemic",
        ("low_pass", "low_pass_2000", "Low-pass, 2000 Hz", 2000.0),
        (0.8, 0.5, 0.05, 0.5),
    ),
]


@pytest.mark.parametrize(("claim", "setting", "scores"), OTHERWISE)
def test_a_claim_fails_where_its_score_goes_the_other_way(files, claim, setting, scores):
    found = judged(files({setting: scores}))
    assert found[claim].verdict == FAILS
    assert found[claim].tested.p < 0.05


def test_parts_that_order_clips_alike_go_together(files):
    clean = ("clean", "clean", "clean", np.nan)
    found = judged(files({clean: (0.9, 0.5, 0.1, 0.95)}))
    assert found["parts_go_together"].verdict == HOLDS


def test_a_small_change_that_may_be_chance_is_judged_neither_way(files):
    """0.05 of 0.5 is the margin itself."""
    found = judged(files({("train_fraction", "1", "1", 1.0): (0.9, 0.45, 0.1, 0.5)}))
    assert found["data_leaves_aleatoric"].verdict == UNJUDGED


def test_without_a_second_share_nothing_is_said(files):
    sources = files()
    rows = pd.read_parquet(sources["probes"][0])
    rows[rows["setting"] != "0.25"].to_parquet(sources["probes"][0])
    found = judged(sources)
    assert found["data_lowers_epistemic"].verdict == UNJUDGED
    assert "one share" in found["data_lowers_epistemic"].numbers
    assert read_views({}, {})["probes"] == []


def test_what_a_run_lacks_is_named():
    view = probes.ProbeView("own", None, 4, pd.DataFrame(columns=["probe", "strategy", "phase"]))
    with pytest.raises(Unjudged, match="no network of that kind with unknown classes"):
        view.kinds("unknown_classes")


def test_tables_have_a_row_a_setting(files):
    sources = files()
    robust = table_of_robustness.table(sources, {"own": "Own"})
    conditions = robust.cells.index.get_level_values("Condition").tolist()
    assert conditions == ["clean", "White noise, 20 dB", "White noise, 0 dB", "Low-pass, 2000 Hz"]
    probed = table_of_probes.table(sources, {"own": None})
    settings = probed.cells.index.get_level_values("Setting").tolist()
    assert settings == ["Learnt: 25%", "Learnt: 100%", "Known classes", "Unknown classes"]
    assert probed.cells.iloc[3][("", "Accuracy")] == "–"
    assert len(robust.frame) == 4 * 3


def test_advice_names_the_condition_that_harms_most(files):
    robust = table_of_robustness.table(files(), {}).frame
    text = table_of_robustness.advice(robust)
    assert text.startswith("On own Drop fixed stands degraded clips best of 1 (mean accuracy 0.7")
    assert "what harms it most is White noise, 0 dB (0.5" in text


def test_advice_names_the_uncertainty_that_finds_unknown_classes():
    about = {"dataset": "own", "strategy": "drop", "phase": "fixed", "low": 0.7, "high": 0.9}
    areas = {"auroc_total": 0.6, "auroc_epistemic": 0.8, "accuracy": 0.95}
    frame = pd.DataFrame([about | {"measure": m, "value": v} for m, v in areas.items()])
    text = table_of_probes.advice(frame)
    assert text.endswith(
        "by the epistemic uncertainty of Drop fixed: AUROC 0.800 (0.700 to 0.900)."
    )
    assert table_of_probes.advice(frame[frame["measure"] == "accuracy"]) is None


def test_the_figure_has_the_four_answers_in_order(files):
    figure, drawn = figure_of_probes.figure(files(), style_from(), {}, "own")
    assert len(figure.axes) == 4 * 3
    ticks = drawn.drop_duplicates(["question", "place"]).groupby("question")["tick"].agg(list)
    assert ticks.to_dict() == {
        "Learnt": ["25%", "100%"],
        "SNR (dB)": ["∞", "20", "0"],
        "Classes": ["known", "unknown"],
        "Channel": ["clean", "Low-pass 2000"],
    }
    noise = drawn[(drawn["question"] == "SNR (dB)") & (drawn["measure"] == "mean_aleatoric")]
    assert noise["value"].round(1).tolist() == [0.5, 0.6, 0.9]


def test_without_degraded_clips_two_answers_are_drawn(files):
    sources = files()
    del sources["robustness"]
    figure, drawn = figure_of_probes.figure(sources, style_from(), {}, "own")
    assert set(drawn["question"]) == {"Learnt", "Classes"}
    assert len(figure.axes) == 2 * 3


def test_the_ladder_starts_at_the_clean_clips(files):
    _, drawn = figure_of_robustness.figure(files(), style_from(), {}, "own")
    accuracy = drawn[drawn["measure"] == "accuracy"].sort_values("place")
    assert accuracy["setting"].tolist() == ["clean", "white_20", "white_0"]

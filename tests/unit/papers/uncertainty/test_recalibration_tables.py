"""Tables, advice and claims of recalibration and conformal sets, from planted rows."""

import pandas as pd
import pytest

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.claims.ledger import ledger
from vipann.evaluation.conformal_sets import COLUMNS as SET_COLUMNS
from vipann.evaluation.recalibrated import COLUMNS
from vipann.papers.uncertainty.claims import PAPER, read_views
from vipann.papers.uncertainty.tables import conformal, recalibration
from vipann.report.advice import NOTHING, write_advice
from vipann.report.index import write_index
from vipann.tables.layout import markdown

PARTS = ("recalibration", "conformal")
NETWORKS = [("det", "fixed"), ("det", "finetuned"), ("flip", "finetuned")]


def scores(changes, methods=("temperature",), fold="all", half=0.02):
    """NLL and ECE of 0.5 before; changes: of each of `NETWORKS`."""
    rows = []
    for (strategy, phase), change in zip(NETWORKS, changes, strict=True):
        for method in ("uncalibrated", *methods):
            by = 0.0 if method == "uncalibrated" else change
            about = {"strategy": strategy, "phase": phase, "method": method, "fold": fold}
            bounds = {"low": 0.4, "high": 0.6, "change_low": by - half, "change_high": by + half}
            for metric in ("nll", "ece"):
                rows.append({**about, "metric": metric, "value": 0.5 + by, "change": by, **bounds})
            if by:
                rows.append({**about, "metric": "temperature", "value": 1.7})
    facts = {"dataset": "own", "calibration_clips": 77, "passes": 1}
    return pd.DataFrame(rows).assign(**facts).reindex(columns=COLUMNS)


def sets(sizes, coverage=0.91, high=0.94, score="lac"):
    rows = []
    for (strategy, phase), size in zip(NETWORKS, sizes, strict=True):
        about = {"strategy": strategy, "phase": phase, "score": score, "fold": "all"}
        about |= {"class": "all", "alpha": 0.1, "passes": 1 if strategy == "det" else 3}
        share = "false_negative_rate" if score == "risk_control" else "coverage"
        rows.append({**about, "metric": share, "value": coverage, "low": 0.88, "high": high})
        rows.append({**about, "metric": "size", "value": size, "low": size - 1, "high": size + 1})
        if score != "risk_control":
            rows.append({**about, "metric": "empty", "value": 0.08})
            rows.append({**about, "metric": "coverage", "class": "dog", "value": 0.7})
    return pd.DataFrame(rows).assign(dataset="own").reindex(columns=SET_COLUMNS)


@pytest.fixture
def shown(tmp_path):
    """The text of a table of this frame, and what it gives as advice, as a job reads it."""

    def of(module, name, frame):
        path = tmp_path / "own.parquet"
        frame.to_parquet(path)
        table = module.table({name: [str(path)]}, {"own": "Own Set"})
        table.frame.to_csv(tmp_path / "own.csv", index=False)
        return markdown(table), module.advice(pd.read_csv(tmp_path / "own.csv"))

    return of


def test_the_table_marks_changes_beyond_their_interval(shown):
    frame = pd.concat([scores([-0.1, -0.01, 0.1]), scores([-0.3, -0.3, -0.3], fold="1")])
    text, said = shown(recalibration, "scores", frame)
    rows = [line for line in text.splitlines() if "Temperature" in line]
    marked = [line.count("*") for line in rows]
    # The ECE and the NLL of two networks: one lower, one higher.
    assert sorted(marked) == [0, 2, 2]
    assert "0.400 (0.400 to 0.600) *" in text
    assert "0.490 (0.400 to 0.600) |" in text
    assert "1.70" in text
    assert "Own Set" in text
    assert "recalibrate by a temperature, which lowers the NLL of 1 of 3 networks" in said
    assert "that of Det fixed, ECE 0.5 to 0.4" in said
    assert "77 labelled clips" in said


def test_where_nothing_helps_the_advice_is_to_leave_it(shown):
    _, said = shown(recalibration, "scores", scores([-0.01, 0.0, 0.05]))
    assert said == (
        "On own no recalibration is needed: a temperature lowers the NLL of none of 3 networks "
        "beyond chance."
    )


def test_the_smallest_sets_are_the_advice_with_their_cost(shown):
    text, said = shown(conformal, "sets", sets([2.0, 1.9, 1.3]))
    assert said == (
        "On own, at 90% coverage Flip fine-tuned answers with 1.3 classes by LAC (measured "
        "coverage 91.0%; 3 passes a clip)."
    )
    # Below the table the dataset has its name, not its key.
    assert said.replace("On own,", "On Own Set,") in text
    assert "0.910 (0.880 to 0.940)" in text
    assert "0.700" in text
    _, said = shown(conformal, "sets", sets([2.0, 1.9, 1.3], 0.095, score="risk_control"))
    assert "to miss at most 10% of a clip's labels, Flip fine-tuned answers with 1.3" in said


def test_where_one_answer_is_right_often_enough_the_advice_is_to_ask_for_more(shown):
    _, said = shown(conformal, "sets", sets([1.2, 0.9, 0.95]))
    assert said == (
        "On own, Det fine-tuned needs no sets at 90% coverage: they have 0.9 classes, and 8% are "
        "empty (1 pass a clip). Ask for a smaller alpha."
    )


def judged(tmp_path, recalibrated, conformal_sets):
    paths = {}
    for part, frame in (("recalibration", recalibrated), ("conformal", conformal_sets)):
        paths[part] = [str(tmp_path / f"own.{part}.parquet")]
        frame.to_parquet(paths[part][0])
    found = ledger(PAPER, read_views(paths, {}))
    return found.set_index("claim")


def test_claims_hold_by_their_intervals(tmp_path):
    found = judged(
        tmp_path,
        scores([-0.1, -0.2, -0.1], ("temperature", "platt")),
        pd.concat([sets([1.0, 1.0, 1.0]), sets([2.0, 2.0, 2.0], score="aps")]),
    )
    assert set(found.loc[[c.key for c in PAPER.claims if c.scope in PARTS], "verdict"]) == {HOLDS}
    assert found.loc["temperature_lowers_nll", "p"] < 1e-6


def test_claims_fail_where_the_contrary_is_shown(tmp_path):
    found = judged(
        tmp_path,
        scores([-0.1, 0.2, -0.1], ("temperature", "platt")),
        pd.concat([sets([3.0] * 3, 0.8, 0.85), sets([2.0] * 3, 0.95, 0.97, score="aps")]),
    )
    keys = ("temperature_lowers_nll", "platt_suffices", "sets_cover", "lac_is_smallest")
    assert {found.loc[key, "verdict"] for key in keys} == {FAILS}
    assert "3 of 6 fail" in found.loc["sets_cover", "numbers"]


def test_what_chance_may_have_done_is_not_judged(tmp_path):
    found = judged(
        tmp_path, scores([-0.1, -0.001, -0.1]), sets([1.0] * 3, 0.1, 0.2, "risk_control")
    )
    assert found.loc["temperature_lowers_nll", "verdict"] == UNJUDGED
    for key in ("platt_suffices", "sets_cover", "lac_is_smallest"):
        assert found.loc[key, "verdict"] == UNJUDGED


def test_the_page_has_a_line_for_each_table_that_says_something(tmp_path):
    md, html = tmp_path / "uncertainty.md", tmp_path / "uncertainty.html"
    write_advice([("Sets", "Use them."), ("Others", None)], "mine", md, html)
    assert "- **Sets.** Use them." in md.read_text()
    assert "Others" not in md.read_text()
    assert "<strong>Sets.</strong>" in html.read_text()
    write_advice([("Others", None)], "mine", md, html)
    assert NOTHING in md.read_text()


def test_the_index_points_to_the_page(tmp_path):
    facts = {"run": "mine", "upstream": None, "transfer_datasets": [], "ood": None}
    facts |= {"sampled": "once", "replications": 1, "names": {}, "notes": []}
    facts |= {"front": {"tables": [], "figures": [], "claims": []}}
    others = {kind: [] for kind in ("notebooks", "summaries", "metrics")}
    for advice in ({}, {"advice": "uncertainty.md"}):
        outputs = tmp_path / "index.md", tmp_path / "index.html"
        write_index([], others, facts | advice, *outputs)
        assert ("[uncertainty.md](uncertainty.md)" in outputs[0].read_text()) == bool(advice)

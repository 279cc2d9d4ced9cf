"""The ledger: the paper's own numbers, whose verdicts are fixed here, and the files it writes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import transfer_run, upstream_run
from scipy import stats

from vipann.claims.evidence import RESULT_FILES, read_view
from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.claims.ledger import COLUMNS, ledger
from vipann.claims.writing import write_claims
from vipann.errors import UserError
from vipann.papers.vi_pann.claims import PAPER, views_of
from vipann.papers.vi_pann.claims.views import PrintView, SizeView
from vipann.papers.vi_pann.printed import TRANSFER_DATASETS, paper_value

# claim -> what the printed tables say for ESC-50, UrbanSound8K, DCASE2013.
PRINTED = {
    "comparable_variants": (HOLDS, HOLDS, FAILS),
    "finetuned_above_fixed": (HOLDS, HOLDS, HOLDS),
    "finetuned_substantially_above_fixed": (FAILS, HOLDS, FAILS),
    "transfer_above_scratch": (HOLDS, HOLDS, HOLDS),
    "markedly_above_scratch": (HOLDS, FAILS, HOLDS),
    "flip_worst_from_scratch": (HOLDS, HOLDS, HOLDS),
    "bayesian_competitive": (HOLDS, HOLDS, HOLDS),
    "det_flip_close_to_flip": (HOLDS, HOLDS, HOLDS),
    "within_state_of_the_art": (HOLDS, FAILS, FAILS),
    "exceptionally_well": (HOLDS, FAILS, FAILS),
    "det_best": (FAILS, FAILS, HOLDS),
}
COUNTS_COLUMNS = ["table", "dataset", "strategy", "parameters", "macs"]


def judged(*run):
    return ledger(PAPER, views_of(*run))


@pytest.fixture(scope="module")
def counts():
    rows = [
        (
            "1",
            name,
            strategy,
            *(int(paper_value(1, f"{name}/{word}", m)) for m in ("Params", "MACs")),
        )
        for name in TRANSFER_DATASETS
        for strategy, word in (("drop", "Drop"), ("det_flip", "Det-Flip"), ("flip", "Flip"))
    ]
    return pd.DataFrame(rows, columns=COUNTS_COLUMNS)


@pytest.fixture(scope="module")
def whole(counts):
    return judged(upstream_run(), [transfer_run()], counts)


@pytest.mark.parametrize("key", [claim.key for claim in PAPER.claims if claim.scope == "transfer"])
def test_verdicts_by_the_papers_own_numbers(key):
    claim = next(claim for claim in PAPER.claims if claim.key == key)
    found = tuple(PAPER.judge(claim, PrintView(name)).verdict for name in TRANSFER_DATASETS)
    if key == "transferred_with_knowledge":
        # Of its two parts Table 4 and 5 refute one on UrbanSound8K, and none the other.
        assert found == (UNJUDGED, FAILS, UNJUDGED)
    else:
        assert found == PRINTED.get(key, (UNJUDGED,) * 3)


def test_the_distance_to_the_state_of_the_art_in_print():
    claim = next(claim for claim in PAPER.claims if claim.key == "within_state_of_the_art")
    for name, points in zip(TRANSFER_DATASETS, ("2.2", "3.4", "4.6"), strict=True):
        assert f"{points} points below" in PAPER.judge(claim, PrintView(name)).numbers


def test_a_hundred_clips_tell_no_two_strategies_apart():
    view = PrintView("DCASE2013")
    models = [(s, p) for s in ("flip", "det_flip", "drop", "det") for p in ("fixed", "finetuned")]
    tuned = [model for model in models if model[1] == "finetuned"]
    assert min(view.exceeds(a, b).p for a in tuned for b in tuned if a != b) > 0.2
    claim = next(claim for claim in PAPER.claims if claim.key == "comparable_variants")
    assert "0.79 to 0.92" in PAPER.judge(claim, view).numbers


def test_audioset_in_print():
    found = {
        claim.key: PAPER.judge(claim, PrintView("AudioSet")).verdict
        for claim in PAPER.claims
        if claim.scope == "upstream"
    }
    assert found.pop("comparable_to_panns") == HOLDS
    assert set(found.values()) == {UNJUDGED}


def test_sizes_as_printed_and_as_planted(counts):
    claims = [claim for claim in PAPER.claims if claim.scope == "size"]
    for view in (SizeView(None), SizeView(counts)):
        assert [PAPER.judge(claim, view).verdict for claim in claims] == [HOLDS] * 3
    larger = counts.assign(
        parameters=counts["parameters"].where(counts["strategy"] != "drop", 10**9)
    )
    assert [PAPER.judge(claim, SizeView(larger)).verdict for claim in claims] == [
        FAILS,
        FAILS,
        HOLDS,
    ]
    none = SizeView(counts[:0])
    assert {PAPER.judge(claim, none).verdict for claim in claims} == {UNJUDGED}


def test_every_claim_has_its_row_and_holm_adjusts_all_tests(whole):
    assert list(whole.columns) == COLUMNS
    assert set(whole["claim"]) == {claim.key for claim in PAPER.claims}
    assert whole["claim"].is_unique
    tested = whole.dropna(subset="p")
    assert (tested["p_holm"] >= tested["p"]).all()
    least = tested.loc[tested["p"].idxmin()]
    assert least["p_holm"] == pytest.approx(min(1, len(tested) * least["p"]))
    assert set(whole.loc[whole["p"].isna(), "beyond_chance"]) == {""}
    assert set(whole.loc[whole["claim"].str.startswith("cause_of"), "verdict"]) == {UNJUDGED}


def test_runs_without_upstream_data_or_without_transfer_say_so(whole, counts):
    printed = whole.set_index("claim")["printed_verdict"]
    for upstream, transfer, missing in (
        (None, [transfer_run()], "upstream"),
        (upstream_run(), [], "transfer"),
    ):
        found = judged(upstream, transfer, counts).set_index("claim")
        assert set(found.index) == {claim.key for claim in PAPER.claims}
        left_out = found.loc[[claim.key for claim in PAPER.claims if claim.scope == missing]]
        assert set(left_out["verdict"]) == {UNJUDGED}
        assert set(left_out["dataset"]) == {""}
        assert left_out["numbers"].str.startswith("this run has no results of").all()
        # What the paper prints is judged all the same.
        assert (left_out["printed_verdict"] == printed[left_out.index]).all()


def test_a_refutation_is_tested_by_its_contrary(counts):
    claim = "finetuned_above_fixed"
    models = {(s, "finetuned"): 0.95 for s in ("det", "drop", "det_flip", "flip")}
    clear = transfer_run(models | {("drop", "finetuned"): 0.9})
    slight = transfer_run(models | {("drop", "finetuned"): 0.9399})
    rows = [judged(None, [run], counts).set_index("claim").loc[claim] for run in (clear, slight)]
    assert [row["verdict"] for row in rows] == [FAILS, FAILS]
    drop = clear.by_fold(("drop", "fixed"), "accuracy") - clear.by_fold(
        ("drop", "finetuned"), "accuracy"
    )
    t = drop.mean() / np.sqrt(drop.var(ddof=1) * (1 / 5 + 1 / 4))
    # One of four variants, chosen by its numbers.
    assert rows[0]["p"] == pytest.approx(4 * stats.t.sf(t, 4))
    assert rows[0]["test"] == "of the contrary: corrected paired t over 5 folds"
    assert rows[1]["p"] > 0.5


def test_print_stands_beside_its_own_dataset_alone(counts):
    frame = judged(upstream_run(), [transfer_run(paper_name="UrbanSound8K")], counts)
    row = frame.set_index("claim").loc["within_state_of_the_art"]
    assert row["printed_verdict"] == FAILS
    assert "3.4 points" in row["printed_numbers"]
    assert "ESC-50" not in row["printed_numbers"]
    # The sentence on Det names ESC-50 and DCASE2013: nothing is claimed of UrbanSound8K.
    assert "det_best" not in set(frame["claim"])


def test_a_dataset_that_is_not_the_papers_gets_the_print_of_all_three(whole):
    row = whole.set_index("claim").loc["within_state_of_the_art"]
    assert row["verdict"] == UNJUDGED
    assert row["printed_verdict"] == (f"ESC-50: {HOLDS}; UrbanSound8K: {FAILS}; DCASE2013: {FAILS}")


def test_the_planted_numbers_are_found_in_all_three_files(tmp_path, counts):
    runs = {"one": transfer_run(), "other": transfer_run({("drop", "finetuned"): 0.9})}
    transfer = [replace(run, dataset=name) for name, run in runs.items()]
    outputs = [tmp_path / f"claims.{kind}" for kind in ("csv", "md", "tex")]
    views = views_of(upstream_run(), transfer, counts)
    write_claims(PAPER, views, outputs, ["planted note, 5%"])
    frame = pd.read_csv(outputs[0], keep_default_na=False)
    rows = frame[frame["claim"] == "finetuned_above_fixed"].set_index("dataset")
    assert rows["verdict"].to_dict() == {"one": HOLDS, "other": FAILS}
    assert "Drop 0.940 to 0.900" in rows.loc["other", "numbers"]
    for path in outputs[1:]:
        text = path.read_text()
        assert "Drop 0.940 to 0.900" in text
        assert "corrected paired t over 5 folds" in text
    lines = outputs[1].read_text().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == len(frame) + 2
    assert {line.replace("\\|", "").count("|") for line in table} == {8}
    # The print of a claim on several datasets stands once.
    assert sum("points below" in line for line in table) == 1
    tex = outputs[2].read_text()
    assert "\\begin{longtable}" in tex
    # Letters that LaTeX's first encoding has none for.
    assert "<" not in tex.replace("$<$", "")
    assert "$<$ 0.05" in tex
    assert "planted note, 5\\%" in tex
    assert "planted note, 5%" in outputs[1].read_text()


def test_a_validated_run_is_tested_by_the_folds_that_trained():
    run, better, worse = transfer_run(), ("det", "finetuned"), ("det", "fixed")
    gaps = run.by_fold(better, "accuracy") - run.by_fold(worse, "accuracy")
    for training in (4, 3):
        view = replace(run, training_folds=training)
        t = gaps.mean() / np.sqrt(gaps.var(ddof=1) * (1 / 5 + 1 / training))
        assert view.exceeds(better, worse).p == pytest.approx(stats.t.sf(t, 4))


def test_a_view_is_read_from_the_three_result_files_and_a_broken_one_is_named(tmp_path):
    run = transfer_run()
    paths = {kind: tmp_path / f"one.{kind}.parquet" for kind in RESULT_FILES}
    for kind, path in paths.items():
        getattr(run, kind).to_parquet(path)
    found = read_view("own", None, 4, paths, "percentile", PAPER.named)
    assert found.score(("flip", "finetuned")) == run.score(("flip", "finetuned"))
    paths["metrics"].write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=paths["metrics"].name):
        read_view("own", None, 4, paths, "percentile", PAPER.named)


def test_a_claim_without_a_judge_and_a_judge_without_a_claim_are_refused():
    judges = dict(PAPER.judges)
    judges["misspelt"] = judges.pop("det_best")
    with pytest.raises(LookupError, match="det_best, misspelt"):
        replace(PAPER, judges=judges)

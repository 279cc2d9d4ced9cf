"""PSLA's claims on a small real computation (`computed`) and on the print."""

import computed
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.claims.ledger import ledger
from vipann.claims.testing import over_seeds
from vipann.claims.writing import write_claims
from vipann.papers.psla.claims import PAPER, read_views
from vipann.papers.psla.claims.views import PrintView

NAMED = {
    "variants": {name: {} for name in computed.RECIPES},
    "averages": {},
    "ensembles": computed.ENSEMBLES,
    "label_sets": {},
}


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    sources = computed.written(tmp_path_factory.mktemp("computed"))
    about = {"own": {"paper_name": "AudioSet balanced, embeddings", "training_folds": 0}}
    settings = {"upstream": "own", "datasets": about, "named": NAMED}
    return read_views(sources, settings)


@pytest.fixture(scope="module")
def rows(views):
    return ledger(PAPER, views).set_index("claim")


def printed(name):
    view = PrintView(name)
    return {claim.key: PAPER.judge(claim, view) for claim in PAPER.claims if claim.scope}


def test_tests_over_seeds_are_scipys():
    one, other = pd.Series([0.31, 0.33, 0.32], (1, 2, 3)), pd.Series([0.30, 0.31, 0.31], (1, 2, 3))
    paired = over_seeds(one, other)
    assert paired.p == stats.ttest_rel(one, other, alternative="greater").pvalue
    assert paired.contrary == pytest.approx(1 - paired.p)
    shifted = pd.Series(other.to_numpy(), (4, 5, 6))
    welch = over_seeds(one, shifted)
    expected = stats.ttest_ind(one, shifted, equal_var=False, alternative="greater").pvalue
    assert welch.p == expected
    assert over_seeds(one, pd.Series([0.3], [0])).p is None


def test_a_claim_on_recipes_is_judged_by_its_test_over_seeds(rows):
    variants, _ = computed.frames()
    variants = variants[(variants["metric"] == "mAP") & variants["epoch"].isna()]
    by = variants.pivot_table(index="seed", columns="variant", values="value")
    for claim, better, worse in (
        ("balanced_alone_hurts", "plain", "balanced"),
        ("masking_helps", "masking", "plain"),
        ("augmentation_helps", "augmented", "plain"),
    ):
        row = rows.loc[claim]
        sides = [
            stats.ttest_rel(by[better], by[worse], alternative=side).pvalue
            for side in ("greater", "less")
        ]
        verdict = HOLDS if sides[0] < 0.05 else FAILS if sides[1] < 0.05 else UNJUDGED
        assert row["verdict"] == verdict
        assert f"{by[worse].mean():.4f} to {by[better].mean():.4f}" in row["numbers"]
    # This computation's networks are linear: what helps EfficientNet does not help them.
    assert rows.loc["balanced_alone_hurts", "verdict"] == FAILS


def test_ensembles_are_judged_by_numbers(rows):
    variants, _ = computed.frames()
    maps = variants[variants["metric"] == "mAP"]
    whole = maps[maps["kind"] == "ensemble"].set_index("name")["value"]
    single = maps[maps["variant"] == "psla"]
    last = single[single["epoch"].isna()]["value"]
    epochs = single[single["epoch"].notna()].set_index("epoch")["value"]
    best = {
        "seeds": last.max(),
        "checkpoints": epochs.max(),
        "from_3": epochs[3:].max(),
        "from_5": epochs[5:].max(),
    }
    holds = all(whole[name] > best[name] for name in whole.index)
    row = rows.loc["ensemble_above_best_member"]
    assert row["verdict"] == (HOLDS if holds else FAILS)
    assert np.isnan(row["p"])
    first = whole[["checkpoints", "from_3", "from_5"]].idxmax() == "checkpoints"
    assert rows.loc["all_checkpoints_best", "verdict"] == (HOLDS if first else FAILS)


def test_what_a_run_has_not_is_not_judged(rows):
    for claim in ("pretraining_helps", "model_agnostic", "averaging_helps", "enhancement_helps"):
        assert rows.loc[claim, "verdict"] == UNJUDGED
    assert rows.loc["pretraining_helps", "numbers"] == "this run has no pretrain"
    # Of six classes no correlation is worth a word.
    assert rows.loc["ap_hardly_goes_with_clips", "verdict"] == UNJUDGED
    assert (rows["verdict"] != UNJUDGED).sum() >= 8


def test_a_run_without_variants_says_so():
    found = ledger(PAPER, read_views({}, {"upstream": None}))
    assert (found["verdict"] == UNJUDGED).all()


def test_the_print_is_judged_by_its_own_numbers():
    full, balanced = printed("AudioSet"), printed("AudioSet balanced")
    assert full["ensemble_above_best_member"].verdict == HOLDS
    assert "11 " not in full["ensemble_above_best_member"].numbers
    assert full["model_agnostic"].verdict == balanced["model_agnostic"].verdict == HOLDS
    assert balanced["enhancement_helps"].verdict == HOLDS
    # Three runs each; the least certain of the three types is the claim's test.
    tested = [
        stats.ttest_ind_from_stats(
            *(mean, spread, 3, 0.3108, 0.0013, 3), equal_var=False, alternative="greater"
        ).pvalue
        for mean, spread in ((0.3166, 0.0016), (0.3156, 0.0007), (0.3162, 0.0005))
    ]
    assert balanced["enhancement_helps"].test.p == pytest.approx(max(tested))
    assert balanced["mean_and_25_best"].verdict == full["mean_and_25_best"].verdict == HOLDS
    # "Consistently": five of the full set's sixteen numbers say otherwise.
    assert balanced["enhanced_wins_on_enhanced"].verdict == HOLDS
    assert full["enhanced_wins_on_enhanced"].verdict == FAILS
    assert full["enhanced_wins_on_enhanced"].numbers.endswith("(4 of 16 fail)")
    assert full["all_models_best"].verdict == HOLDS
    assert full["ap_hardly_goes_with_clips"].verdict == HOLDS
    assert balanced["kinds_of_speech_unlabelled"].verdict == HOLDS
    for name in ("AudioSet", "AudioSet balanced", "FSD50K"):
        assert printed(name)["every_technique_needed"].verdict == HOLDS
        assert printed(name)["averaging_start_insensitive"].verdict == UNJUDGED


def test_the_ledger_is_written(views, tmp_path):
    outputs = [tmp_path / f"claims.{suffix}" for suffix in ("csv", "md", "tex")]
    write_claims(PAPER, views, outputs)
    text = outputs[1].read_text()
    assert "1.7 standard deviations" in text
    for claim in PAPER.claims:
        if claim.about and "AudioSet balanced" not in claim.about:
            continue
        assert claim.sentence.split("|")[0] in text
        assert claim.scope or claim.reason

"""Each claim on planted runs that make it hold, not hold, and be without an answer."""

import numpy as np
import pandas as pd
import pytest
from planted import BAYESIAN, FRACTIONS, KINDS, rising, transfer_run, upstream_run

from vipann.claims.evidence import RunView
from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.papers.vi_pann.claims import PAPER
from vipann.papers.vi_pann.printed import paper_value

BY_KEY = {claim.key: claim for claim in PAPER.claims}
TRANSFER = [claim.key for claim in PAPER.claims if claim.scope == "transfer"]
UPSTREAM = [claim.key for claim in PAPER.claims if claim.scope == "upstream"]
NOT_THE_PAPERS = {"within_state_of_the_art", "comparable_to_panns"}
FALLING = rising(-0.1)
ZIGZAG = 0.8 + 0.1 * (-1.0) ** np.arange(20) + 0.001 * (1 - FRACTIONS)
NARROW = (np.linspace(0.1, 0.2, 30), np.linspace(0.5, 0.55, 20))
# From a few errors to none when a sixth of the clips are discarded.
ERRORLESS = np.minimum(1.0, 0.965 + 0.21 * (1 - FRACTIONS))
RELAPSING = np.where(FRACTIONS < 0.5, 0.9 - 0.1 * FRACTIONS, ERRORLESS)
LOWER = (np.linspace(0.1, 0.2, 30), np.linspace(0.0, 0.2, 20))


@pytest.fixture(scope="module")
def as_claimed():
    return transfer_run()


@pytest.fixture(scope="module")
def without_flip():
    return transfer_run(without=("flip", "finetuned"))


def verdict(key, view):
    return PAPER.judge(BY_KEY[key], view).verdict


@pytest.mark.parametrize("key", TRANSFER)
def test_claims_on_transfer_hold_where_planted(key, as_claimed):
    found = PAPER.judge(BY_KEY[key], as_claimed)
    assert found.verdict == (UNJUDGED if key in NOT_THE_PAPERS else HOLDS), found.numbers


@pytest.mark.parametrize(
    ("curve", "expected"), [(ERRORLESS, HOLDS), (RELAPSING, FAILS), (ERRORLESS[::-1], UNJUDGED)]
)
def test_a_curve_without_errors_left_need_not_rise_on(curve, expected):
    view = transfer_run(curves={("flip", "fixed", "total"): curve})
    assert verdict("well_calibrated_after_transfer", view) == expected


@pytest.mark.parametrize("key", UPSTREAM)
def test_claims_on_pretraining_hold_where_planted(key):
    found = PAPER.judge(BY_KEY[key], upstream_run())
    assert found.verdict == (UNJUDGED if key in NOT_THE_PAPERS else HOLDS), found.numbers


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("comparable_variants", {"scores": {("flip", "fixed"): 0.85}}),
        ("finetuned_above_fixed", {"scores": {("drop", "finetuned"): 0.93}}),
        ("finetuned_substantially_above_fixed", {"scores": {("drop", "finetuned"): 0.9405}}),
        ("transfer_above_scratch", {"scores": {("det", "scratch"): 0.944}}),
        ("markedly_above_scratch", {"scores": {("drop", "scratch"): 0.93}}),
        ("flip_worst_from_scratch", {"scores": {("drop", "scratch"): 0.55}}),
        ("det_best", {"scores": {("drop", "fixed"): 0.96}}),
        ("bayesian_competitive", {"scores": {("drop", "finetuned"): 0.9}}),
        ("det_flip_close_to_flip", {"scores": {("det_flip", "finetuned"): 0.9}}),
        ("exceptionally_well", {"scores": {("flip", "finetuned"): 0.93}}),
        ("well_calibrated_after_transfer", {"curves": {("flip", "fixed", "total"): FALLING}}),
        ("well_calibrated_after_transfer", {"curves": {("flip", "fixed", "total"): ZIGZAG}}),
        ("transferred_with_knowledge", {"curves": {("drop", "finetuned", "epistemic"): FALLING}}),
        ("transferred_with_knowledge", {"scores": {("drop", "scratch"): 0.96}}),
        (
            "fixed_crosses_finetuned",
            {"curves": {("drop", "fixed", "aleatoric"): rising(0.001, 0.94)}},
        ),
        (
            "finetuning_may_harm_calibration",
            {"extra": {(s, "finetuned", "ece_excess"): 0.02 for s in BAYESIAN}},
        ),
        ("det_without_epistemic", {"extra": {("det", "fixed", "mean_epistemic"): 0.2}}),
        ("notable_increase_after_transfer", {"clips": {("flip", "finetuned", "total"): LOWER}}),
        ("broader_after_transfer", {"clips": {("flip", "finetuned", "epistemic"): NARROW}}),
    ],
)
def test_a_planted_counterexample_refutes_a_claim_on_transfer(key, change):
    assert verdict(key, transfer_run(**change)) == FAILS


SPREAD = np.random.default_rng(1).normal(3.0, 1.0, 400)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("flip_well_calibrated", {"curves": {("flip", "pretrained", "aleatoric"): FALLING}}),
        # It rises, as it does with clips in random order.
        ("flip_well_calibrated", {"curves": {("flip", "pretrained", "total"): rising(0.015, 0.4)}}),
        (
            "drop_poorly_calibrated",
            {"curves": {("drop", "pretrained", kind): rising() for kind in KINDS}},
        ),
        (
            "both_epistemic_calibrated",
            {"curves": {("drop", "pretrained", "epistemic"): FALLING}},
        ),
        (
            "subtle_increase_upstream",
            {"clips": {("flip", "pretrained", "total"): (SPREAD, SPREAD + 2)}},
        ),
        (
            "subtle_increase_upstream",
            {"clips": {("flip", "pretrained", "aleatoric"): (SPREAD, SPREAD - 0.1)}},
        ),
        (
            "consistent_epistemic_upstream",
            {"clips": {("flip", "pretrained", "epistemic"): (SPREAD, SPREAD + 0.4)}},
        ),
        (
            "tighter_upstream",
            {"clips": {("flip", "pretrained", "epistemic"): (SPREAD, 2 * SPREAD)}},
        ),
    ],
)
def test_a_planted_counterexample_refutes_a_claim_on_pretraining(key, change):
    assert verdict(key, upstream_run(**change)) == FAILS


def test_each_uncertainty_is_reported_with_its_own_replications():
    gains = {"total": -0.1, "epistemic": 0.06, "aleatoric": 0.1}
    view = upstream_run(
        curves={("drop", "pretrained", kind): rising(gain, 0.4) for kind, gain in gains.items()}
    )
    parts = PAPER.judge(BY_KEY["drop_poorly_calibrated"], view).numbers.split(", Drop ")
    for part, (kind, gain) in zip(parts, gains.items(), strict=True):
        assert f"{kind.replace('total', 'entropy')}: gain {gain:+.3f}" in part
        span = "from the least to the greatest of the 2 replications"
        assert f"({span}: {gain:+.3f} to {gain:+.3f})" in part
        assert "in random order +0.020" in part
        assert part.endswith("poorly calibrated" if gain < 0 else "well calibrated")


@pytest.mark.parametrize("key", TRANSFER)
def test_a_run_without_flip_leaves_claims_on_it_open(key, without_flip):
    found = PAPER.judge(BY_KEY[key], without_flip)
    if key in {"det_without_epistemic", "flip_worst_from_scratch"}:
        assert found.verdict == HOLDS
    else:
        assert found.verdict == UNJUDGED
        if key not in NOT_THE_PAPERS:
            assert "Flip fine-tuned" in found.numbers


@pytest.mark.parametrize("key", [key for key in UPSTREAM if key not in NOT_THE_PAPERS])
def test_a_run_without_upstream_networks_leaves_claims_on_them_open(key):
    assert verdict(key, upstream_run(strategies=("det",))) == UNJUDGED


def test_one_counterexample_is_enough_whatever_is_missing():
    view = transfer_run({("det", "finetuned"): 0.5}, without=("flip", "finetuned"))
    assert verdict("finetuned_above_fixed", view) == FAILS


def test_networks_without_mistakes_say_nothing_of_calibration():
    perfect = {
        (s, p, k): np.ones(20) for s in BAYESIAN for p in ("fixed", "finetuned") for k in KINDS
    }
    found = PAPER.judge(BY_KEY["well_calibrated_after_transfer"], transfer_run(curves=perfect))
    assert found.verdict == UNJUDGED
    assert "no mistakes" in found.numbers


def test_the_papers_own_datasets_are_held_against_the_state_of_the_art():
    near, far = transfer_run(paper_name="ESC-50"), transfer_run(paper_name="DCASE2013")
    assert verdict("within_state_of_the_art", near) == HOLDS
    low = {(strategy, "finetuned"): 0.88 for strategy in BAYESIAN}
    assert verdict("within_state_of_the_art", far) == HOLDS
    assert verdict("within_state_of_the_art", transfer_run(low, paper_name="DCASE2013")) == FAILS


def test_audioset_itself_is_held_against_the_panns():
    assert verdict("comparable_to_panns", upstream_run(paper_name="AudioSet")) == HOLDS
    low = upstream_run({("drop", "pretrained"): 0.39}, paper_name="AudioSet")
    assert verdict("comparable_to_panns", low) == FAILS


def test_a_clear_difference_is_beyond_chance_and_noise_is_not(as_claimed):
    clear = PAPER.judge(BY_KEY["finetuned_above_fixed"], as_claimed).test
    assert clear.p < 0.01
    level = {(s, "finetuned"): 0.9402 for s in ("det", *BAYESIAN)}
    assert PAPER.judge(BY_KEY["finetuned_above_fixed"], transfer_run(level)).test.p > 0.1


class NoEffect(RunView):
    """A run of five folds whose score has the same mean in every network."""

    def __init__(self, rng, mean):
        super().__init__("own", "ESC-50", 4, *[pd.DataFrame()] * 3)
        # Folds share training clips: their scores are correlated by 1 / 5, as the test assumes.
        self.__dict__["draws"] = lambda: (
            mean + 0.02 * (rng.normal() * np.sqrt(0.2) + rng.normal(size=5) * np.sqrt(0.8))
        )
        self.__dict__["kept"] = {}

    def by_fold(self, model, metric):
        key = (model, metric.removesuffix("_pooled"))
        return self.kept.setdefault(key, pd.Series(self.draws(), range(1, 6)))


@pytest.mark.parametrize(
    ("key", "mean"),
    [
        ("finetuning_may_harm_calibration", 0.1),
        ("within_state_of_the_art", paper_value(4, "SOTA", "ESC-50") - 0.03),
    ],
)
def test_without_an_effect_a_claim_that_any_variant_bears_out_seldom_holds(key, mean):
    """By the greatest of three numbers it would hold in 7 runs of 8."""
    rng = np.random.default_rng(5)
    verdicts = [verdict(key, NoEffect(rng, mean)) for _ in range(1000)]
    assert verdicts.count(HOLDS) <= 0.05 * 1000 + 2 * np.sqrt(1000 * 0.05 * 0.95)
    assert verdicts.count(FAILS) <= 0.05 * 1000
    assert verdicts.count(UNJUDGED) > 800


def test_an_effect_in_one_variant_is_found(as_claimed):
    extra = {("flip", "finetuned", "ece_excess"): 0.09}
    extra |= {(s, "finetuned", "ece_excess"): 0.05 for s in BAYESIAN if s != "flip"}
    assert verdict("finetuning_may_harm_calibration", transfer_run(extra=extra)) == HOLDS


@pytest.mark.slow
def test_a_dropout_that_ranks_as_by_chance_is_neither_well_nor_poorly_calibrated():
    """Its gains are drawn as those of the random orders are."""
    rng, verdicts = np.random.default_rng(5), []
    for _ in range(150):
        gains = 0.02 * (0.5 + rng.uniform(size=3))
        curves = {
            ("drop", "pretrained", kind): rising(gain, 0.4)
            for kind, gain in zip(KINDS, gains, strict=True)
        }
        verdicts.append(verdict("drop_poorly_calibrated", upstream_run(curves=curves)))
    assert verdicts.count(HOLDS) <= 0.05 * 150 + 2 * np.sqrt(150 * 0.05 * 0.95)
    assert verdicts.count(FAILS) <= 2
    assert verdicts.count(UNJUDGED) > 120

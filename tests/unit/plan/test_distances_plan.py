"""Which networks are embedded for scores of out-of-distribution clips and for the Laplace
approximation, and what stops the plan."""

import pytest
from jsonschema import Draft202012Validator

from vipann.config import full_schema
from vipann.errors import UserError
from vipann.plan import uncertainty
from vipann.plan.embeddings import embedding_settings, embeddings_of
from vipann.plan.products import products
from vipann.plan.uncertainty import laplace, ood_scores

SCORES = {"strategies": ["det", "flip"], "neighbours": 10}
LAPLACE = {"structure": "kronecker", "prior_precision": "marginal_likelihood", "samples": 100}


def asked(run_of, scores=None, approximated=None, **changes):
    block = {"ood_scores": scores, "laplace": approximated}
    return run_of(papers=["vi_pann", "uncertainty"], uncertainty=block, **changes)


def test_both_are_off_by_default(run_of):
    run = run_of()
    roles = uncertainty.roles(run)
    assert roles["ood_scores"] == roles["laplace"] == []
    uncertainty.refuse_faults(run)


def test_the_networks_that_hear_the_other_clips_are_scored(run_of):
    run = asked(run_of, SCORES)
    assert ood_scores.datasets(run) == ["audioset", "esc50", "urbansound8k", "dcase2013"]
    found = ood_scores.scored_networks(run, "esc50")
    assert {(n.strategy, n.phase) for n in found} == {
        (s, p) for s in ("det", "flip") for p in ("fixed", "finetuned")
    }
    assert len(found) == 2 * 2 * 5
    assert [n.name for n in ood_scores.scored_networks(run, "audioset")] == [
        "det/pretrained",
        "flip/pretrained",
    ]
    tuned = asked(run_of, SCORES, evaluation={"ood_phases": ["finetuned"]})
    assert {n.phase for n in ood_scores.scored_networks(tuned, "esc50")} == {"finetuned"}
    stems = products(run, "table")
    assert "uncertainty_ood_scores" in stems
    assert "uncertainty_laplace" not in stems


def test_laplace_is_of_deterministic_networks_with_or_without_other_clips(run_of):
    run = asked(run_of, None, LAPLACE, ood=None)
    found = laplace.approximated(run, "dcase2013")
    assert {(n.strategy, n.phase) for n in found} == {("det", "fixed"), ("det", "finetuned")}
    assert "uncertainty_laplace" in products(run, "table")
    assert embedding_settings(found[0])["scored_dataset"] == ""
    assert embeddings_of(found[0]).endswith("/embeddings/dcase2013/det/fold1/fixed.h5")


def test_embeddings_are_the_same_for_both_parts_and_seeds_differ(run_of):
    both, one = asked(run_of, SCORES, LAPLACE), asked(run_of, None, LAPLACE)
    first, second = (laplace.approximated(run, "esc50")[:2] for run in (both, one))
    assert embedding_settings(first[0]) == embedding_settings(second[0])
    assert embedding_settings(first[0])["seed"] != embedding_settings(first[1])["seed"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": SCORES, "ood": None}, r"uncertainty\.ood_scores: needs .* `ood`"),
        (
            {"scores": {"strategies": [], "neighbours": 1}},
            r"uncertainty\.ood_scores\.strategies: names no strategy",
        ),
        (
            {"approximated": LAPLACE, "model": {"pooled": "scores"}},
            r"uncertainty\.laplace: needs a linear layer .*model\.pooled: frames",
        ),
        (
            {"approximated": LAPLACE, "upstream": None, "transfer": {"strategies": ["drop"]}},
            r"uncertainty\.laplace: needs deterministic networks: add det",
        ),
        (
            {"approximated": {**LAPLACE, "prior_precision": "validation"}},
            r"prior_precision: 'validation' needs a validation fold: .*next_fold",
        ),
        (
            {
                "approximated": {**LAPLACE, "prior_precision": "validation"},
                "validation": {"split": "next_fold"},
            },
            r"prior_precision: 'validation' needs folds, and audioset has none",
        ),
    ],
)
def test_what_cannot_be_done_stops_the_plan(run_of, changes, message):
    with pytest.raises(UserError, match=message):
        uncertainty.refuse_faults(asked(run_of, **changes))


def test_the_schema_knows_their_keys(run_of):
    schema = full_schema(run_of().root / "workflow/schemas/config.schema.yaml")
    validator = Draft202012Validator(
        {**schema["properties"]["uncertainty"], "$defs": schema["$defs"]}
    )
    block = dict(run_of().config["uncertainty"])
    for changed in ({"ood_scores": SCORES}, {"laplace": {**LAPLACE, "prior_precision": 2.5}}):
        assert validator.is_valid(block | changed)
    for changed in (
        {"ood_scores": {**SCORES, "neighbours": 0}},
        {"ood_scores": {**SCORES, "strategies": ["laplace"]}},
        {"laplace": {**LAPLACE, "prior_precision": 0}},
        {"laplace": {**LAPLACE, "structure": "full"}},
        {"embeddings": {"training_clips": 100}},
    ):
        assert not validator.is_valid(block | changed)

"""Variants that are trained on folds: where their files lie, and what their jobs are told."""

import pytest

from vipann.plan import fold_variants, variants
from vipann.plan.datasets import features_settings
from vipann.plan.fold_variants import FoldEnsemble, FoldNetwork
from vipann.plan.products import Product

CONFIG = {
    "transfer_datasets": ["esc50"],
    "transfer": {"strategies": [], "folds": [2, 3]},
    "scratch": {"strategies": []},
    "evaluation": {"ood_phases": ["finetuned"]},
    "variants": {
        "plain": {},
        "own": {"stage": "scratch", "strategy": "drop", "features": {"logmel": {"mel_bands": 32}}},
        "alike": {"stage": "scratch", "features": {"logmel": {"mel_bands": 32}}},
        "moved": {"stage": "transfer", "start": "plain/2", "transfer": {"batch_size": 8}},
        "of_the_run": {"stage": "transfer", "strategy": "det_flip"},
    },
    "seeds": [1, 2],
    "ensembles": {"upstream": {"members": ["plain/*"]}, "folds": {"members": ["own/1", "moved/*"]}},
}
SCRATCH, FIXED, FINETUNED = "scratch", "fixed", "finetuned"


@pytest.fixture
def run(run_of):
    return run_of(**CONFIG)


def of(run, variant, phase=SCRATCH, seed=1, fold=2):
    return FoldNetwork.of(run, variant, seed, "esc50", fold, phase)


def test_where_files_lie(run):
    one = of(run, "own")
    stem = "esc50/variants/own/seed1/fold2/scratch"
    assert one.checkpoint == f"results/paper/checkpoints/{stem}.safetensors"
    assert one.predictions == f"results/paper/predictions/{stem}.h5"
    assert one.ood_predictions == f"results/paper/ood/{stem}.h5"
    assert of(run, "moved", FIXED).features == "results/paper/features/esc50.h5"
    (front_end,) = fold_variants.other_front_ends(run)
    assert one.features == f"results/paper/features/{front_end}/esc50.h5"
    assert one.ood_features == f"results/paper/features/{front_end}/shipsear_5s.h5"


def test_a_front_end_is_shared_by_the_variants_that_have_it(run):
    ((front_end, other),) = fold_variants.other_front_ends(run).items()
    assert front_end.startswith("logmel_")
    assert of(run, "alike").features == of(run, "own").features
    assert features_settings(other, "esc50")["features"]["mel_bands"] == 32
    assert of(run, "own").training_settings["bands"] == 32
    assert of(run, "moved", FIXED).training_settings["bands"] == 64


def test_an_upstream_variant_may_have_another_front_end_too(run_of):
    changed = {"wide": {"features": {"logmel": {"mel_bands": 32}}}}
    run = run_of(**CONFIG | {"variants": CONFIG["variants"] | changed})
    ((front_end, _),) = fold_variants.other_front_ends(run).items()
    wide, plain = (variants.VariantNetwork.of(run, name, "seed1") for name in ("wide", "plain"))
    assert wide.features == f"results/paper/features/{front_end}/audioset.h5"
    assert wide.training_settings["bands"] == 32
    assert plain.features == "results/paper/features/audioset.h5"


def test_where_training_starts(run):
    upstream = "results/paper/checkpoints"
    assert of(run, "own").start == []
    moved = of(run, "moved", FIXED)
    assert moved.start == f"{upstream}/variants/plain/seed2.safetensors"
    assert of(run, "moved", FINETUNED).start == moved.checkpoint
    assert of(run, "of_the_run", FIXED).start == f"{upstream}/upstream/det.safetensors"


def test_settings_are_those_of_the_stage_with_the_departure(run):
    moved = of(run, "moved", FIXED).training_settings
    assert moved["training"]["batch_size"] == 8
    assert moved["training"]["epochs"] == run.config["transfer"]["fixed"]["epochs"]
    assert moved["strategy"] == "det"
    own = of(run, "own").training_settings
    assert own["training"]["epochs"] == run.config["scratch"]["epochs"]
    assert list(own) == sorted(own)


def test_each_job_draws_by_itself(run):
    networks = fold_variants.fold_networks(run, "esc50")
    seeds = [one.training_settings["seed"] for one in networks]
    seeds += [one.prediction_settings["seed"] for one in networks]
    seeds += [one.ood_settings["seed"] for one in networks]
    assert len(set(seeds)) == len(seeds) == 3 * (2 + 2 + 4 + 4) * 2


def test_what_is_scored_and_by_what_stage(run):
    scored = fold_variants.fold_scored(run, "esc50")
    assert {one.facts["name"] for one in scored} == {
        *(f"{name}/{seed}" for name in ("own", "alike", "moved", "of_the_run") for seed in (1, 2)),
        "folds",
    }
    outside = [one for one in scored if one.hears_outside]
    assert len(outside) == len(scored) - 2 * 2 * 2, "fixed phases hear no ships here"
    settings = fold_variants.fold_metrics_settings(run, "esc50")
    assert len(settings["networks"]) == len(scored)
    assert len(settings["outside"]) == len(outside)
    members = FoldEnsemble(run, "folds", "esc50", 3).members
    assert [(one.variant, one.phase, one.fold) for one in members] == [
        ("own", SCRATCH, 3),
        *[("moved", FINETUNED, 3)] * 2,
    ]


def test_upstream_variants_are_apart_from_them(run, run_of):
    assert [one.name for one in variants.variant_networks(run)] == ["plain/1", "plain/2"]
    assert [one.name for one in variants.ensembles(run)] == ["upstream"]
    assert {facts["name"] for facts, _ in variants.scored(run)} == {
        "plain/1",
        "plain/2",
        "upstream",
    }
    alone = {"variants": {"own": CONFIG["variants"]["own"]}, "ensembles": {}}
    only = run_of(**CONFIG | alone)
    assert not variants.variant_metric_files(only)
    roles = Product(only, "psla", "table", "table2", {}).roles
    assert (roles["varied"], roles["varied_on_folds"], roles["transfer"]) == ([], ["esc50"], [])

"""Variants, ensembles and averages as the config names them."""

import pytest

from vipann.plan import variants
from vipann.plan.variants import Ensemble, VariantNetwork

CONFIG = {
    "pretrain": {"epochs": 6},
    "variants": {
        "plain": {},
        "mixup": {"pretrain": {"mixup_alpha": 0.5, "keep_epochs": 4}},
        "flip": {"strategy": "flip", "start": "plain", "bayesian": {"prior_sigma": 0.5}},
    },
    "seeds": [1, 2],
    "averages": {"late": {"of": "mixup/*", "epochs": {"first": 5}}},
    "ensembles": {
        "all": {"members": ["mixup/2", "*/1"]},
        "checkpoints": {"members": ["mixup/1"], "epochs": {"last": 2}},
        "last_checkpoint": {"members": ["mixup/1"], "epochs": {"last": 1}},
    },
}


@pytest.fixture
def run(run_of):
    return run_of(**CONFIG)


def of(run, variant, member="seed1"):
    return VariantNetwork.of(run, variant, member)


def test_where_files_lie(run):
    one = of(run, "mixup")
    assert one.checkpoint == "results/paper/checkpoints/variants/mixup/seed1.safetensors"
    assert one.predictions == "results/paper/predictions/audioset/variants/mixup/seed1.h5"
    assert one.train_predictions == "results/paper/predictions/audioset/train/mixup/seed1.h5"
    third, late = one.after(3), of(run, "mixup", "seed1.late")
    folder = "results/paper/checkpoints/variants/mixup/seed1.epochs"
    assert third.checkpoint == f"{folder}/epoch03.safetensors"
    assert third.made_in == folder
    assert third.prediction_settings["file"] == "epoch03.safetensors"
    assert list(third.prediction_settings) == sorted(third.prediction_settings)
    assert third.predictions.endswith("/variants/mixup/seed1.epochs/epoch03.h5")
    assert (third.name, third.epoch, third.seed) == ("mixup/1", 3, 1)
    assert late.checkpoint.endswith("/variants/mixup/seed1.late.safetensors")
    assert (late.name, late.epoch, late.made_in) == ("mixup/1/late", None, late.checkpoint)
    assert Ensemble(run, "all").predictions == "results/paper/predictions/audioset/ensembles/all.h5"
    assert variants.predictions_of(run, "plain/2") == of(run, "plain", "seed2").predictions
    train = variants.predictions_of(run, "all", of_train=True)
    assert train == "results/paper/predictions/audioset/train/ensembles/all.h5"


def test_a_network_has_its_variants_settings_and_strategy(run):
    settings = of(run, "mixup").training_settings["training"]
    assert settings["mixup_alpha"] == 0.5
    assert settings["batch_size"] == 32
    flip = of(run, "flip", "seed2")
    assert flip.training_settings["strategy"] == "flip"
    assert flip.training_settings["bayesian"]["prior_sigma"] == 0.5
    assert flip.start == flip.moped_checkpoint
    assert flip.moped_of == of(run, "plain", "seed2").checkpoint
    assert of(run, "plain").start == []


def test_editing_a_variant_changes_the_settings_of_its_own_jobs_only(run_of, run):
    other = run_of(**CONFIG | {"variants": CONFIG["variants"] | {"plain": {"kl": {"scale": 1}}}})
    edited = run_of(
        **CONFIG | {"variants": CONFIG["variants"] | {"mixup": {"pretrain": {"keep_epochs": 4}}}}
    )
    for name in CONFIG["variants"]:
        before = of(run, name).training_settings
        # A det network has no KL: nothing changes.
        assert of(other, name).training_settings == before
        assert (of(edited, name).training_settings == before) == (name != "mixup")
        assert of(edited, name).prediction_settings == of(run, name).prediction_settings


def test_each_job_draws_by_itself(run):
    one = of(run, "mixup")
    jobs = [one, of(run, "mixup", "seed2"), of(run, "plain"), one.after(3), one.after(4)]
    seeds = [j.training_settings["seed"] for j in jobs[:3]]
    seeds += [j.prediction_settings["seed"] for j in jobs]
    seeds += [j.train_prediction_settings["seed"] for j in jobs]
    assert len(set(seeds)) == 3 + 2 * 5


def test_members_of_ensembles_and_epochs_of_averages(run):
    assert [m.name for m in Ensemble(run, "all").members] == [
        *("mixup/2", "plain/1", "mixup/1", "flip/1")
    ]
    assert [m.epoch for m in Ensemble(run, "checkpoints").members] == [5, 6]
    assert variants.keeping(run) == ["mixup"]
    settings = of(run, "mixup", "seed2.late").average_settings
    assert settings["epochs"] == ["epoch05.safetensors", "epoch06.safetensors"]
    assert not settings["count_start_twice"]
    assert "seed" not in settings


def test_what_is_scored(run):
    facts = [facts for facts, _ in variants.scored(run)]
    assert [(f["kind"], f["name"], f["epoch"]) for f in facts] == [
        *(("network", f"{v}/{s}", None) for v in CONFIG["variants"] for s in (1, 2)),
        *(("network", "mixup/1", 5), ("network", "mixup/1", 6)),
        *(("average", f"mixup/{s}/late", None) for s in (1, 2)),
        *(("ensemble", name, None) for name in CONFIG["ensembles"]),
    ]
    assert len({path for _, path in variants.scored(run)}) == len(facts)
    assert set(variants.variant_metric_files(run)) == {"variants", "per_class"}


def test_label_sets_of_the_evaluation_list_score_too(run_of):
    sets = {"train": {"teacher": "plain/1"}, "eval": {"teacher": "plain/1", "split": "eval"}}
    run = run_of(**CONFIG, label_sets=sets)
    assert variants.label_sets(run) == {"eval": "results/paper/label_sets/eval.parquet"}


def test_a_run_without_variants_has_none_of_it(run_of):
    run = run_of()
    assert not variants.scored(run)
    assert not variants.variant_metric_files(run)


def test_the_cost_of_networks_goes_with_their_form_and_with_no_recipe(run_of):
    cost = {"evaluation": {"cost": {"batch_size": 8, "repeats": 5}}}
    found = variants.cost_settings(run_of(**CONFIG, **cost), "audioset")
    assert (found["batch_size"], found["repeats"]) == (8, 5)
    by_variant = {one["variant"]: one for one in found["networks"]}
    assert list(by_variant) == ["plain", "mixup", "flip"]
    # 10 s at 32 kHz and a hop of 320: 1,001 frames of 64 bands.
    assert by_variant["plain"]["shape"] == [1001, 64]
    assert by_variant["flip"]["strategy"] == "flip"
    assert by_variant["flip"]["bayesian"]["prior_sigma"] == 0.5
    on_folds = {**CONFIG, "variants": CONFIG["variants"] | {"short": {"stage": "scratch"}}}
    assert variants.cost_settings(run_of(**on_folds, **cost), "audioset") == found
    learnt = {**CONFIG, "pretrain": {"epochs": 6, "learning_rate": 0.5}, "seeds": [3]}
    assert variants.cost_settings(run_of(**learnt, **cost), "audioset") == found
    wide = {**CONFIG, "model": {"resnet54": {"width": 32}}}
    assert variants.cost_settings(run_of(**wide, **cost), "audioset") != found

"""Probes of uncertainty: what is planned, and what stops a plan."""

import pytest

from vipann.config import merge
from vipann.errors import UserError
from vipann.plan import uncertainty
from vipann.plan.fold_variants import FoldNetwork, fold_networks
from vipann.plan.networks import Network
from vipann.plan.selections import selections
from vipann.plan.uncertainty import probes, robustness

DROP = {"stage": "transfer", "strategy": "drop"}
CONFIG = {
    "transfer_datasets": ["esc50", "dcase2013"],
    "transfer": {"strategies": ["det", "drop"], "folds": [1, 2]},
    "variants": {
        "quarter": DROP | {"phases": ["fixed"], "transfer": {"train_fraction": 0.25}},
        "again": DROP | {"transfer": {"train_fraction": 0.25}},
        "without_dog": DROP | {"transfer": {"held_out_classes": {"esc50": ["dog"]}}},
    },
    "seeds": [1],
    "uncertainty": {
        "robustness": {
            "conditions": {"white": [20, 0], "recorded": [-2.5]},
            "phases": ["finetuned"],
            "strategies": ["drop"],
        }
    },
}
FEATURES = "results/paper/features"


@pytest.fixture
def run(run_of):
    return run_of(**CONFIG)


def of(run, variant, dataset="esc50", phase="fixed"):
    return FoldNetwork.of(run, variant, 1, dataset, 1, phase)


def test_the_papers_own_networks_hear_all_clips(run_of):
    run = run_of()
    one = Network(run, "det", "esc50", 1, "fixed")
    assert one.learnt_features == one.tested_features == one.features == f"{FEATURES}/esc50.h5"
    assert not selections(run)
    assert not uncertainty.roles(run)["robustness"]


def test_what_variants_learn_from_and_are_tested_with(run):
    quarter, again, without = (of(run, name) for name in ("quarter", "again", "without_dog"))
    assert quarter.learnt_features == again.learnt_features
    assert quarter.learnt_features.endswith("/esc50.learnt.h5")
    assert quarter.tested_features == f"{FEATURES}/esc50.h5"
    assert without.tested_features.endswith("/esc50.tested.h5")
    assert without.selection.features("unknown").endswith("/esc50.unknown.h5")
    assert "train_fraction" not in quarter.training_settings["training"]
    fractions = {one.settings["fraction"]: one.settings["seed"] for one in selections(run)}
    assert set(fractions) == {0.25, 1.0}


def test_a_variant_is_trained_where_its_classes_are_held_out_and_in_its_phases(run):
    found = {
        name: {(one.variant, one.phase) for one in fold_networks(run, name)}
        for name in run.transfer_datasets
    }
    both = {("again", "fixed"), ("again", "finetuned"), ("quarter", "fixed")}
    assert found["dcase2013"] == both
    assert found["esc50"] - both == {("without_dog", "fixed"), ("without_dog", "finetuned")}


def test_a_run_may_learn_from_less_itself(run_of):
    changes = {"transfer": CONFIG["transfer"] | {"train_fraction": 0.5}, "variants": {}}
    run = run_of(**merge(CONFIG, {}) | changes)
    assert Network(run, "det", "esc50", 1, "fixed").learnt_features.endswith("esc50.learnt.h5")
    scratch = Network(run, "det", "esc50", 1, "scratch")
    assert scratch.learnt_features == f"{FEATURES}/esc50.h5"


def test_who_is_probed(run):
    curve = probes.learning_curve(run, "esc50")
    facts = probes.metrics_settings(run, "esc50")["learning"]
    assert len(facts) == len(curve) == 2 * (1 + 2 + 2), "variants, and the run's own drop"
    assert {one.strategy for one in curve} == {"drop"}
    named = {(fact["network"], fact["fraction"]) for fact in facts}
    assert named == {("quarter/1", 0.25), ("again/1", 0.25), ("", 1.0)}
    assert {one.variant for one in probes.hears_unknown(run)} == {"without_dog"}
    assert probes.datasets(run) == ["esc50", "dcase2013"]
    unknown = of(run, "without_dog").unknown_settings
    assert unknown["dataset"] == "esc50" != unknown["scored_dataset"]


def test_who_hears_degraded_clips_of_which_the_features_are_shared(run):
    assert list(robustness.conditions(run)) == ["white_20", "white_0", "recorded_minus2p5"]
    networks = robustness.tested(run, "esc50")
    assert [(one.strategy, one.phase) for one in networks] == [("drop", "finetuned")] * 2
    inputs = robustness.metrics_inputs(run, "esc50")
    assert len(inputs["degraded"]) == 3 * len(inputs["clean"]) == 6
    settings = robustness.predicting_settings(networks[0])
    assert settings["replications"] == 1
    assert settings["seed"] == networks[0].prediction_settings["seed"]
    noise = robustness.noise_inputs(run, "esc50", "recorded_minus2p5")
    assert noise["noise_manifest"] == "results/paper/manifests/shipsear_5s.parquet"
    assert robustness.noise_inputs(run, "esc50", "white_0") == {}


FAULTS = [
    (
        {"uncertainty": {"robustness": {"conditions": {"recorded": [0]}, "noise": "esc50"}}},
        "uncertainty.robustness.noise: 'esc50' holds the clips of 'esc50'",
    ),
    (
        {"uncertainty": {"robustness": {"conditions": {"recorded": [0]}, "noise": "seals"}}},
        "uncertainty.robustness.noise: 'seals' is not a key of `datasets`",
    ),
    (
        {"ood": None, "uncertainty": {"robustness": {"conditions": {"recorded": [0]}}}},
        "uncertainty.robustness.conditions.recorded: needs `noise`",
    ),
    (
        {"uncertainty": {"robustness": {"conditions": {"white": [0]}, "noise": "shipsear"}}},
        "uncertainty.robustness.noise: means nothing without `recorded`",
    ),
    (
        {"uncertainty": {"robustness": {"conditions": {"low_pass": [16000]}}}},
        "uncertainty.robustness.conditions.low_pass: 16000 Hz is not below",
    ),
    (
        {"uncertainty": {"robustness": {"conditions": {"white": [0]}, "strategies": ["flip"]}}},
        "uncertainty.robustness.strategies: 'flip' is not one of transfer.strategies (det, drop)",
    ),
    (
        {
            "features": {"front_end": "released_embeddings"},
            "uncertainty": {"robustness": {"conditions": {"white": [0]}}},
        },
        "uncertainty.robustness: is not allowed with features.front_end 'released_embeddings'",
    ),
    (
        {
            "transfer": {"held_out_classes": {"esc50": ["dog"]}},
            "uncertainty": {"robustness": {"conditions": {"white": [0]}}},
        },
        "uncertainty.robustness: degrades clips of all classes, and the run's own networks of esc",
    ),
    (
        {
            "variants": {"half": DROP | {"transfer": {"train_fraction": 0.5}}},
            "seeds": [1],
            "evaluation": {"mc_samples": "auto"},
        },
        "evaluation.mc_samples: 'auto' is of the run's own networks, with which those of half",
    ),
    (
        {"transfer": {"held_out_classes": {"ships": ["tug"]}}},
        "transfer.held_out_classes: 'ships' is not one of transfer_datasets",
    ),
    (
        {"variants": {"own": DROP | {"transfer": {"held_out_classes": {"sea": ["tug"]}}}}},
        "variants.own.transfer.held_out_classes: 'sea' is not one of transfer_datasets",
    ),
    (
        {"variants": {"own": {"stage": "scratch", "phases": ["fixed"]}}},
        "variants.own.phases: is for `stage: transfer` only",
    ),
]


@pytest.mark.parametrize(("changes", "words"), FAULTS)
def test_what_stops_a_plan_names_its_key(run_of, changes, words):
    own = {"transfer": {"strategies": ["det", "drop"]}}
    with pytest.raises(UserError) as caught:
        uncertainty.refuse_faults(run_of(**merge(own, changes)))
    assert words in str(caught.value)


def test_another_name_for_the_tested_audio_is_noticed(run_of):
    twin = {"datasets": {"twin": {"adapter": "esc50", "task": "unlabelled", "padding": "zero"}}}
    archives = [{"file": "ESC-50-master.zip", "url": "https://x", "md5": ["0" * 32]}]
    twin["datasets"]["twin"] |= {"archives": archives, "options": {}, "clip_seconds": 5.0}
    noise = {"robustness": {"conditions": {"recorded": [0]}, "noise": "twin"}}
    with pytest.raises(UserError, match="'twin' holds the clips of 'esc50'"):
        uncertainty.refuse_faults(run_of(**merge(twin, {"uncertainty": noise})))

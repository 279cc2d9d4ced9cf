"""The networks of deep ensembles, of ensembles from one training, and of single samples, as a run
plans them."""

import json
from pathlib import Path

import pytest

from vipann.config import check_config, merge, read_layer
from vipann.errors import UserError
from vipann.plan import members, networks, uncertainty
from vipann.plan.members import Member
from vipann.plan.networks import Network
from vipann.plan.report import captions, index_settings
from vipann.plan.uncertainty import ensembles, samples, swag

ROOT = Path(__file__).parents[3]
ON = {"transfer": {"ensemble_members": 3}, "pretrain": {"ensemble_members": 2}}
SWAG = {"epochs": 4, "learning_rate": 0.001, "rank": 3, "samples": 5}


def of_auto(run_of, **changes):
    kept = {"samples": {"clips": 20, "most": 50}}
    split = {"split": "next_fold"}
    given = {"evaluation": {"mc_samples": "auto"}, "uncertainty": kept, "validation": split}
    return run_of(**merge(given, changes))


def test_without_members_there_is_no_ensemble(run_of):
    run = run_of()
    for dataset in run.tested:
        assert members.scored(run, dataset) == networks.networks_of(run, dataset)
        assert members.ensembles_of(run, dataset) == []
    assert ensembles.costs(run) == {}


def test_an_ensemble_stands_beside_the_networks_of_each_fold_and_phase(run_of):
    run = run_of(**ON)
    own = members.ensembles_of(run, "esc50")
    assert len(own) == 5 * 2
    assert own[0].predictions == "results/paper/predictions/esc50/ens/fold1/fixed.h5"
    assert {one.phase for one in own} == {"fixed", "finetuned"}
    assert [one.path for one in members.ensembles_of(run, "audioset")] == [
        "audioset/ens/pretrained"
    ]
    assert set(own) < set(members.scored(run, "esc50"))
    outside = [one for one in members.scored_outside(run, "esc50") if one.strategy == "ens"]
    assert set(outside) == set(own)
    assert not members.scored_outside(run_of(ood=None, **ON), "esc50")
    left_out = run_of(transfer={"ensemble_members": 3, "strategies": []})
    assert members.ensembles_of(left_out, "esc50") == []
    # Trained are its members, by rules of their own.
    own, without = (networks.networks_of(one, "esc50") for one in (run, run_of()))
    assert [one.path for one in own] == [one.path for one in without]


def test_members_are_det_and_networks_of_other_seeds(run_of):
    run = run_of(**ON)
    first, second, third = members.member_networks(run, "esc50", 1, "fixed")
    assert type(first) is Network
    assert first.strategy == "det"
    assert second.checkpoint == "results/paper/checkpoints/esc50/members/2/fold1/fixed.safetensors"
    assert second.start == first.start == Network(run, "det").checkpoint
    settings = [one.training_settings for one in (first, second, third)]
    assert len({one.pop("seed") for one in settings}) == 3
    for one in settings[1:]:
        assert one.pop("strategy") == "det"
        assert one == settings[0]
    last = members.member_networks(run, "esc50", 1, "finetuned")[1]
    assert last.start == second.checkpoint
    upstream = members.member_networks(run, None, None, networks.PRETRAINED)
    assert upstream[1].stem == "upstream/members/2"
    assert upstream[1].training_settings["strategy"] == "det"
    assert upstream[1].seed_names("pretrain") != upstream[0].seed_names("pretrain")


def test_no_other_job_sees_members_swag_or_samples(run_of):
    before = run_of()
    extra = {"swag": SWAG, "samples": {"clips": 9, "most": 9}}
    after = run_of(**ON, uncertainty=extra)
    for strategy in ("det", "drop", "flip"):
        one, other = (Network(run, strategy) for run in (before, after))
        assert one.training_settings == other.training_settings
        assert one.prediction_settings == other.prediction_settings
    for phase in ("fixed", "finetuned", "scratch"):
        one, other = (Network(run, "det_flip", "esc50", 2, phase) for run in (before, after))
        assert one.training_settings == other.training_settings
        assert one.prediction_settings == other.prediction_settings
        assert one.ood_settings == other.ood_settings


def test_what_an_ensemble_costs(run_of):
    run = run_of(**ON, uncertainty={"swag": SWAG}, evaluation={"mc_samples": 7})
    costs = ensembles.costs(run)
    assert costs["audioset"] == {"det": [1, 1], "ens": [2, 2], "drop": [1, 7], "flip": [1, 7]}
    assert costs["esc50"]["ens"] == [3, 3]
    assert costs["esc50"]["checkpoints"] == [1 + 4 / 200, 4]
    assert costs["esc50"]["swag"] == [1 + 4 / 200, 5]


def test_the_laplace_approximation_costs_no_more_than_det(run_of):
    laplace = {"structure": "diagonal", "prior_precision": "weights", "samples": 9}
    run = run_of(**ON, uncertainty={"laplace": laplace})
    assert ensembles.costs(run)["esc50"]["laplace"] == [1, 1]
    assert "laplace" not in ensembles.costs(run_of(**ON))["esc50"]


def test_det_goes_on_at_a_constant_rate_with_every_epoch_kept(run_of):
    run = run_of(uncertainty={"swag": SWAG})
    training = swag.training_settings(run, "esc50", 1)["training"]
    assert training["epochs"] == training["keep_epochs"] == 4
    assert (training["learning_rate"], training["learning_rate_schedule"]) == (0.001, "constant")
    assert training["batch_size"] == run.config["transfer"]["batch_size"]
    folder = swag.epochs_folder(swag.continued(run, "esc50", 1))
    assert folder == "results/paper/checkpoints/esc50/swag/fold1/finetuned.epochs"
    settings = swag.prediction_settings(run, "swag", "esc50", 1)
    assert settings["epochs"] == [f"epoch0{n}.safetensors" for n in (1, 2, 3, 4)]


def test_samples_are_kept_of_one_fold_after_the_last_phase(run_of):
    run = run_of(uncertainty={"samples": {"clips": 20, "most": 50}})
    kept = [one.path for one in samples.sampled(run, "esc50")]
    assert kept == [f"esc50/{s}/fold1/finetuned" for s in ("drop", "det_flip", "flip")]
    assert [n.path for n in samples.sampled(run, "audioset")] == [
        f"audioset/{s}/pretrained" for s in ("drop", "flip")
    ]
    assert samples.sampled(run_of(), "esc50") == []
    drop, flip = (samples.sampling_settings(one) for one in samples.sampled(run, "esc50")[::2])
    assert drop["clips_seed"] == flip["clips_seed"]
    own = Network(run, "drop", "esc50", 1, "finetuned").prediction_settings
    assert (drop["seed"], drop["rows"]) == (own["seed"], own["rows"])


def test_auto_asks_the_validation_fold_of_each_network_of_transfer(run_of):
    run = of_auto(run_of)
    drop = Network(run, "drop", "esc50", 5, "fixed")
    assert drop.mc_samples == drop.prediction_settings["mc_samples"] == "auto"
    assert drop.chosen_samples == "results/paper/samples/esc50/drop/fold5/fixed.json"
    asked = samples.sampling_settings(drop, on_validation=True)
    assert asked["rows"] == {"folds": [1]}
    assert asked["seed"] != drop.prediction_settings["seed"]
    # Those without a validation fold, or without samples, are as in the paper.
    for other in (Network(run, "flip"), Network(run, "det", "esc50", 5, "fixed")):
        assert (other.chosen_samples, other.mc_samples) == ([], 10)
    numbered = Network(run_of(), "drop", "esc50", 5, "fixed")
    assert (numbered.chosen_samples, numbered.mc_samples) == ([], 10)


def test_captions_say_what_auto_means(run_of):
    facts = index_settings(of_auto(run_of))["facts"]
    assert facts["sampled"] == "as many times as each network's validation fold asks for"
    assert index_settings(run_of())["facts"]["sampled"] == "10 times"
    said = captions(of_auto(run_of))
    assert "auto" not in " ".join(map(str, said.values())).split()
    asked = "of as many Monte Carlo samples as each network's validation fold asks for"
    for name in ("retention_esc50", "phases_esc50"):
        (caption,) = (text for path, text in said.items() if f"/{name}." in path)
        assert asked in caption
    # Upstream networks have no validation fold.
    for run in (of_auto(run_of), run_of()):
        found = captions(run)
        for name in ("tables/table3", "figures/retention_audioset"):
            (caption,) = (text for path, text in found.items() if f"/{name}." in path)
            assert "over 20 replications of 10 Monte Carlo samples" in caption


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        (
            {"evaluation": {"mc_samples": "auto"}},
            "evaluation.mc_samples",
            "validation.split: next_fold and uncertainty.samples",
        ),
        ({"uncertainty": {"swag": SWAG | {"rank": 5}}}, "uncertainty.swag.rank", "5 is more than"),
        (
            {"uncertainty": {"swag": SWAG}, "transfer_datasets": []},
            "uncertainty.swag",
            "transfer_datasets",
        ),
    ],
)
def test_what_cannot_be_done_is_said_at_the_plan(run_of, changes, key, words):
    with pytest.raises(UserError) as refused:
        uncertainty.refuse_faults(run_of(**changes))
    assert f"{key}: " in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        (
            {"transfer": {"ensemble_members": 3}, "transfer_datasets": []},
            "transfer.ensemble_members",
        ),
        ({"transfer": {"ensemble_members": 1}}, "transfer.ensemble_members"),
        (
            {"pretrain": {"ensemble_members": 2, "source": "checkpoint"}},
            "pretrain.ensemble_members",
        ),
        ({"pretrain": {"ensemble_members": 2}, "upstream": None}, "pretrain.ensemble_members"),
        ({"evaluation": {"mc_samples": 0}}, "evaluation.mc_samples"),
    ],
)
def test_members_that_cannot_be_are_refused(tmp_path, changes, key):
    base, file = ROOT / "config/config.yaml", tmp_path / "mine.yaml"
    file.write_text(json.dumps(changes))
    with pytest.raises(UserError, match=f"mine.yaml: {key}: "):
        check_config(
            merge(read_layer(base), changes),
            ROOT / "workflow/schemas/config.schema.yaml",
            [base, file],
        )


def test_a_member_has_a_number_in_its_seed(run_of):
    seeds = [Member(run_of(), "det", number=number).seed_names("predict") for number in (2, "2", 3)]
    assert seeds[0] == seeds[1] != seeds[2]

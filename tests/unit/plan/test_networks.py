"""The networks that a run asks for, and the settings of their jobs."""

import os
import re
from pathlib import Path

import pytest

from vipann.config import imagenet_entries
from vipann.errors import UserError
from vipann.plan import networks, weights
from vipann.plan.networks import Network
from vipann.strategies import TRAINED


def training(run, strategy="det", phase="fixed"):
    fold = {} if phase == networks.PRETRAINED else {"dataset": "esc50", "fold": 1}
    return Network(run, strategy, phase=phase, **fold).training_settings["training"]


def test_the_papers_networks(run_of):
    run = run_of()
    upstream = networks.networks_of(run, "audioset")
    assert [n.name for n in upstream] == [f"{s}/pretrained" for s in ("det", "drop", "flip")]
    transferred = networks.networks_of(run, "esc50")
    assert len(transferred) == len(set(transferred)) == 5 * 4 * 3
    assert transferred[0].path == "esc50/det/fold1/fixed"
    assert len(networks.transferred_networks(run)) == (5 + 10 + 5) * 4 * 3
    assert networks.trained_networks(run)[:3] == upstream


def test_where_a_networks_files_lie(run_of):
    run = run_of()
    upstream, transferred = Network(run, "det"), Network(run, "flip", "esc50", 2, "fixed")
    assert upstream.checkpoint == "results/paper/checkpoints/upstream/det.safetensors"
    assert upstream.predictions == "results/paper/predictions/audioset/det/pretrained.h5"
    assert transferred.sidecar == "results/paper/checkpoints/esc50/flip/fold2/fixed.json"
    assert transferred.curves == "results/paper/curves/esc50/flip/fold2/fixed.csv"
    assert transferred.ood_predictions == "results/paper/ood/esc50/flip/fold2/fixed.h5"
    assert transferred.ood_features == "results/paper/features/shipsear_5s.h5"
    assert Network(run_of(ood=None), "flip", "esc50", 2, "fixed").ood_features == []


def test_where_a_network_starts(run_of):
    run = run_of()
    fixed = Network(run, "det_flip", "esc50", 1, "fixed")
    assert fixed.start == Network(run, "det").checkpoint
    assert Network(run, "det_flip", "esc50", 1, "finetuned").start == fixed.checkpoint
    assert Network(run, "det_flip", "esc50", 1, "scratch").start == []
    assert Network(run, "flip").start == Network(run, "moped").checkpoint
    assert Network(run, "drop").start == []


def test_imagenets_weights_are_the_start_where_they_are_asked_for(run_of):
    model = {"encoder": "efficientnet", "efficientnet": {"variant": "b0"}}
    run = run_of(model=model, pretrain={"start": "imagenet"})
    placed = "data/imagenet/efficientnet_b0_rwightman-7f5810bc.pth"
    file = placed.removeprefix("data/imagenet/")
    assert weights.imagenet_settings(run, file)["entry"]["sha256"] == ["7f5810bc"]
    assert Network(run, "det").start == Network(run, "drop").start == placed
    assert Network(run, "flip").start == Network(run, "moped").checkpoint
    assert Network(run, "flip", "esc50", 1, "scratch").start == []
    assert training(run, phase="pretrained")["start"] == "imagenet"
    scratch = run_of(model=model, scratch={"start": "imagenet"})
    assert Network(scratch, "det").start == []
    assert Network(scratch, "flip", "esc50", 1, "scratch").start == placed


def test_a_phase_sees_its_own_settings_alone(run_of):
    before, after = run_of(), run_of(transfer={"fixed": {"learning_rate": 0.5}})
    assert training(after, phase="fixed") != training(before, phase="fixed")
    for phase in ("finetuned", "scratch", "pretrained"):
        assert training(after, phase=phase) == training(before, phase=phase)


def test_a_strategy_sees_its_own_pretraining_steps_alone(run_of):
    before, after = run_of(), run_of(pretrain={"steps": {"drop": 7}})
    assert training(after, "drop", "pretrained")["steps"] == 7
    assert training(after, "det", "pretrained") == training(before, "det", "pretrained")


def test_a_prior_is_a_setting_of_networks_with_flipout_layers(run_of):
    before, after = run_of(), run_of(bayesian={"prior_sigma": 0.5})
    changed = {s: networks.form_of(before, s) != networks.form_of(after, s) for s in TRAINED}
    assert changed == {"det": False, "drop": False, "det_flip": True, "flip": True}


def test_nothing_of_a_validation_that_is_off_counts(run_of):
    before, after = (run_of(validation={"split": "none", "select": s}) for s in ("last", "best"))
    assert training(before) == training(after)


def test_each_job_draws_by_itself(run_of):
    run = run_of()
    jobs = [*networks.networks_of(run, "audioset"), *networks.networks_of(run, "esc50")]
    seeds = [
        settings["seed"]
        for n in jobs
        for settings in (n.training_settings, n.prediction_settings, n.ood_settings)
    ]
    assert len(set(seeds)) == 3 * len(jobs)


def test_a_network_is_tested_on_the_fold_that_it_was_not_trained_on(run_of):
    run = run_of()
    settings = Network(run, "det", "esc50", "3", "fixed").prediction_settings
    assert settings["rows"] == {"folds": [3]}
    assert settings["scored_dataset"] == "esc50"
    assert Network(run, "det").prediction_settings["rows"] == {"split": "eval"}
    assert Network(run, "det").ood_settings["scored_dataset"] == "shipsear"


def test_out_of_distribution_clips_are_scored_in_the_phases_that_are_named(run_of):
    def phases(**changes):
        run = run_of(**changes)
        return {n.phase for n in networks.scored_out_of_distribution(run, "esc50")}

    assert phases() == {"fixed", "finetuned"}
    assert phases(evaluation={"ood_phases": ["fixed"]}) == {"fixed"}
    assert phases(ood=None) == set()


def test_weights_come_from_the_file_that_is_named_or_from_moped(run_of):
    block = {"file": "det.pth", "md5": ["0" * 32]}
    pretrain = {"source": "checkpoint", "checkpoints": {"det": block}, "steps": {"flip": 0}}
    run = run_of(data={"dir": "d"}, pretrain=pretrain)
    moped = Network(run, "moped")
    assert re.fullmatch("d/weights/det/[0-9a-f]{8}/det.pth", weights.file_of(run, "det"))
    assert weights.file_of(run, "drop") == Network(run, "det").checkpoint
    assert weights.inputs_of(run, "flip") == [moped.checkpoint, moped.sidecar]
    assert weights.file_of(run_of(), "det") is None
    assert weights.import_settings(run, "det")["entry"] == block


def test_weights_that_the_user_has_yet_to_place_are_no_input(run_of, tmp_path):
    path = tmp_path / "det.pth"
    pretrain = {"source": "checkpoint", "checkpoints": {"det": {"path": str(path)}}}
    run = run_of(pretrain=pretrain)
    assert weights.inputs_of(run, "det") == []
    path.write_bytes(b"0")
    assert weights.inputs_of(run, "det") == [str(path)]


def test_another_file_in_the_place_of_weights_is_noticed_though_it_is_older(run_of, tmp_path):
    path = tmp_path / "det.pth"
    run = run_of(pretrain={"source": "checkpoint", "checkpoints": {"det": {"path": str(path)}}})
    found = [weights.import_settings(run, "det")]
    for time in (2_000_000_000, 1_700_000_000):
        path.write_bytes(b"0")
        os.utime(path, (time, time))
        found.append(weights.import_settings(run, "det"))
    assert len({settings["placed"] for settings in found}) == 3


def test_a_plan_stops_before_what_was_imported_from_a_lost_file_is_deleted(
    run_of, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "det.pth"
    pretrain = {"source": "checkpoint", "checkpoints": {"det": {"path": str(path)}}}
    run = run_of(run="kept", pretrain=pretrain)
    weights.refuse_lost(run)  # nothing was imported yet
    made = Path(Network(run, "det").checkpoint)
    made.parent.mkdir(parents=True)
    made.touch()
    with pytest.raises(
        UserError, match=r"checkpoints\.det\.path: .*det\.pth is not there any more"
    ):
        weights.refuse_lost(run)
    path.touch()
    weights.refuse_lost(run)


@pytest.mark.parametrize("phase", ["pretrained", "fixed", "scratch"])
def test_where_and_how_often_a_training_saves_is_no_setting(run_of, phase):
    changes = {block: {"gpus": 3} for block in ("pretrain", "transfer", "scratch")}
    before, after = run_of(), run_of(training={"checkpoint_every": 3}, **changes)
    assert training(before, phase=phase) == training(after, phase=phase)


def test_the_keys_of_other_recipes_reach_a_job_where_a_config_has_them(run_of):
    paper = training(run_of(), "det", "pretrained")
    assert not paper.keys() & {"sampling", "masking", "label_set", "epochs"}
    changes = {"sampling": "balanced", "masking": {"frequency": 48, "time": 192}}
    run = run_of(pretrain=changes | {"epochs": 60, "label_set": "enhanced"})
    found = training(run, "det", "pretrained")
    assert found.items() >= changes.items()
    assert found["epochs"] == 60
    assert "steps" not in found
    assert Network(run, "det").labels == "results/paper/label_sets/enhanced.parquet"
    assert Network(run, "det", "esc50", 1, "finetuned").labels == []
    assert Network(run_of(), "det").labels == []


def test_weights_of_a_variants_encoder_are_those_of_that_encoder(run_of):
    model = {"encoder": "efficientnet", "efficientnet": {"variant": "b2"}}
    variants = {"mobilenet": {"model": {"encoder": "mobilenet_v2"}}}
    run = run_of(model=model, variants=variants, seeds=[1])
    names = [entry["file"] for entry in imagenet_entries(run.config)]
    assert [name.partition("_")[0] for name in names] == ["efficientnet", "mobilenet"]
    own = [weights.imagenet_settings(run, name)["entry"]["file"] for name in names]
    assert own == names

"""Model folders: what is exported, what is refused, and what their networks say."""

import json
import pickle

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from finished_run import CLASSES, RATE, make_run, noise, predictions_of
from safetensors.torch import load_file

from vipann.errors import UserError
from vipann.evaluation.decomposition import entropy
from vipann.models.bayesian import flipout_layers
from vipann.models.checkpoints import load_checkpoint
from vipann.models.dropout import Dropout
from vipann.models.flipout import posteriors
from vipann.models.strategies import rebuild
from vipann.survey.export import export, held_out_rows
from vipann.survey.finished import choose
from vipann.survey.held_out import FILE, read_held_out
from vipann.survey.model import Model
from vipann.survey.program import write_program
from vipann.survey.scoring import Scorer

CPU = torch.device("cpu")


def exported(tmp_path, **about):
    run = make_run(tmp_path / "run", **about)
    return run, export(choose(run), tmp_path / "model")


def features_of(scorer, windows=5):
    """Of noise."""
    return np.stack([scorer.front_end(noise(1.0, n)) for n in range(windows)]).astype(np.float16)


def test_a_model_averages_the_folds_networks_as_equations_1_to_8_say(tmp_path):
    run, model = exported(tmp_path, strategy="det")
    scorer = Scorer(model, CPU)
    features = features_of(scorer)
    found = scorer.score(features, [f"window {n}" for n in range(5)])
    each, energies = [], []
    for fold in (1, 2):
        state, facts = load_checkpoint(run / f"checkpoints/scenes/det/fold{fold}/fixed.safetensors")
        with torch.inference_mode():
            logits = rebuild(facts, state).eval()(torch.from_numpy(features).float())
        each.append(logits.double().softmax(-1).numpy())
        energies.append(-np.log(np.exp(logits.double().numpy()).sum(-1)))
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(found.probability, mean, atol=1e-6)
    total = -(mean * np.log(mean)).sum(-1)
    aleatoric = np.mean([-(p * np.log(p)).sum(-1) for p in each], axis=0)
    np.testing.assert_allclose(found.total, total, atol=1e-6)
    np.testing.assert_allclose(found.aleatoric, aleatoric, atol=1e-6)
    np.testing.assert_allclose(found.epistemic, total - aleatoric, atol=1e-6)
    assert (found.epistemic > 1e-5).all()
    np.testing.assert_allclose(found.ood, np.mean(energies, axis=0), atol=1e-5)


@pytest.mark.parametrize("strategy", ["det_flip", "drop"])
def test_what_folds_share_is_stored_and_computed_once_and_changes_no_score(tmp_path, strategy):
    _, model = exported(tmp_path, strategy=strategy)
    shared, *own = [load_file(path) for path in model.weight_files]
    assert any(name.startswith("encoder.conv1") for name in shared)
    assert not shared.keys() & own[0].keys()
    scorer = Scorer(model, CPU, mc_samples=6, seed=3)
    features, names = features_of(scorer), list("abcde")
    once = scorer.score(features, names)
    # Dropout, which is random, is in the first layer already.
    assert scorer.common == (4 if strategy == "det_flip" else 1)
    scorer.common = 0
    for ours, each in zip(once, scorer.score(features, names), strict=True):
        np.testing.assert_allclose(ours, each, atol=1e-6)


def test_networks_that_were_trained_whole_share_nothing_that_differs(tmp_path):
    _, model = exported(tmp_path, frozen=False)
    assert Scorer(model, CPU).common == 1  # batch norm of the bands, before its first training step


def test_a_windows_scores_do_not_depend_on_its_neighbours(tmp_path):
    _, model = exported(tmp_path, task="multilabel")
    scorer = Scorer(model, CPU, mc_samples=5)
    features, names = features_of(scorer), list("abcde")
    together = scorer.score(features, names)
    for n in range(5):
        one = scorer.score(features[n : n + 1], names[n : n + 1])
        np.testing.assert_allclose(one.probability[0], together.probability[n], atol=1e-6)
        np.testing.assert_allclose(one.epistemic[0], together.epistemic[n], atol=1e-6)
    other = scorer.score(features[:1], ["another name"])
    assert np.abs(other.probability[0] - together.probability[0]).max() > 1e-4


def test_held_out_clips_are_those_of_each_fold_once(tmp_path):
    _, model = exported(tmp_path)
    held_out = pd.read_parquet(model.folder / FILE)
    assert held_out["clip_id"].is_unique
    assert held_out["fold"].tolist() == 12 * [1] + 12 * [2]
    assert held_out.filter(like="label:").sum().tolist() == [8, 8, 8]
    one = predictions_of(2)
    rows = held_out_rows(one, np.zeros(12))
    mean = one.mean_probability.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(rows.filter(like="probability:"), mean, rtol=1e-6)
    np.testing.assert_allclose(rows["total"], entropy(mean, "multiclass"), rtol=1e-5)


def test_the_card_says_what_the_model_is_and_how_good(tmp_path):
    _, model = exported(tmp_path)
    card = (model.folder / "README.md").read_text()
    right = [
        (one.predicted == one.targets).mean() for one in (predictions_of(1), predictions_of(2))
    ]
    for words in (
        f"accuracy | {np.mean(right):.4f} |",
        "24 clips of 12 recordings",
        "Flipout head",
        "0123456789abcdef",
        f"{RATE} Hz",
        model.sha256,
    ):
        assert words in card, words
    labels = (model.folder / "labels.csv").read_text()
    assert labels == "index,class\n0,dog\n1,rain\n2,siren\n"


def test_networks_to_choose_from_are_listed(tmp_path):
    run = make_run(tmp_path / "run")
    make_run(run, strategy="det")
    with pytest.raises(UserError, match=r"(?s)several.*--strategy det .*--strategy det_flip"):
        choose(run)
    assert choose(run, strategy="det").strategy == "det"
    with pytest.raises(UserError, match=r"(?s)no such network.*--phase fixed"):
        choose(run, phase="finetuned")
    with pytest.raises(UserError, match="no trained networks"):
        choose(tmp_path)


def test_folds_of_two_trainings_are_no_model(tmp_path):
    run = make_run(tmp_path / "run")
    sidecar = run / "checkpoints/scenes/det_flip/fold2/fixed.json"
    facts = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(facts | {"classes": CLASSES[::-1], "clip_seconds": 2.0}))
    with pytest.raises(UserError, match=r"fold2.*differs.*classes, clip_seconds"):
        export(choose(run), tmp_path / "model")


def test_a_folder_that_is_no_model_is_left_alone(tmp_path):
    run = make_run(tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("three years of work")
    with pytest.raises(UserError, match="no model folder"):
        export(choose(run), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


class Exploit:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("weights/fold1.safetensors", "fold1.safetensors is broken"),
        ("config.json", "config.json is broken"),
        ("held_out.parquet", "held_out.parquet cannot be read"),
    ],
)
def test_a_pickle_in_the_place_of_a_file_is_refused_and_never_loaded(tmp_path, file, message):
    _, model = exported(tmp_path)
    (model.folder / file).write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(UserError, match=message):
        read_all_of(model.folder)


def read_all_of(folder):
    loaded = Model.load(folder)
    read_held_out(folder)
    Scorer(loaded, CPU)


def test_models_that_cannot_be_used_are_named(tmp_path):
    _, model = exported(tmp_path)
    with pytest.raises(UserError, match=r"no model folder.*vipann export"):
        Model.load(tmp_path)
    # A run has a file of that name too.
    (tmp_path / "config.json").write_text('{"run": "mine"}')
    with pytest.raises(UserError, match=r"no model folder.*vipann export"):
        Model.load(tmp_path)
    config = model.folder / "config.json"
    facts = json.loads(config.read_text())
    config.write_text(json.dumps(facts | {"format_version": 99}))
    with pytest.raises(UserError, match="has the format 99"):
        Model.load(model.folder)
    config.write_text(json.dumps(facts | {"features": {"front_end": "cochlea"}}))
    with pytest.raises(UserError, match="cochlea"):
        Scorer(Model.load(model.folder), CPU)
    renamed = {"front_end": "logmel", "mels": 64}
    config.write_text(json.dumps(facts | {"features": renamed}))
    with pytest.raises(UserError, match=r"another version.*mels"):
        Scorer(Model.load(model.folder), CPU)
    released = {"front_end": "released_embeddings", "components": 128}
    config.write_text(json.dumps(facts | {"features": released}))
    with pytest.raises(UserError, match="released"):
        Scorer(Model.load(model.folder), CPU)
    config.write_text(json.dumps(facts | {"settings": facts["settings"] | {"bands": 64}}))
    with pytest.raises(UserError, match="fold 1 do not fit the network"):
        Scorer(Model.load(model.folder), CPU)
    (model.folder / "weights/fold2.safetensors").unlink()
    with pytest.raises(UserError, match=r"not whole.*fold2"):
        Model.load(model.folder)


@pytest.mark.parametrize("strategy", ["flip", "drop"])
def test_the_program_is_the_networks_without_their_chance(tmp_path, strategy):
    run, model = exported(tmp_path, strategy=strategy)
    program = torch.export.load(write_program(model)).module()
    features = torch.from_numpy(features_of(Scorer(model, CPU)).astype(np.float32))
    each = []
    for fold in (1, 2):
        path = run / f"checkpoints/scenes/{strategy}/fold{fold}/fixed.safetensors"
        network = rebuild(*reversed(load_checkpoint(path))).eval()
        for layer in flipout_layers(network):
            for posterior in posteriors(layer):
                posterior.rho.data.fill_(-torch.inf)
        for module in network.modules():
            if isinstance(module, Dropout):
                module.monte_carlo = False
        with torch.inference_mode():
            each.append(network(features).softmax(-1))
    np.testing.assert_allclose(program(features).detach(), torch.stack(each).mean(0), atol=1e-6)


def test_held_out_clips_are_as_strange_as_windows_of_the_same_sound(tmp_path):
    run, model = exported(tmp_path, task="multilabel")
    held_out = read_held_out(model.folder).measures["ood"]
    assert held_out.notna().all()
    with h5py.File(run / "features/scenes.h5") as file:
        features = file["logmel"][12:]
    scorer = Scorer(model, CPU)
    with torch.inference_mode():
        logits = [mean(torch.from_numpy(features).float()).numpy() for mean in scorer.means]
    first, second = (-np.log1p(np.exp(z.astype(float))).sum(axis=1) for z in logits)
    np.testing.assert_allclose(held_out[12:], second, atol=1e-5)
    windows = scorer.score(features, [str(n) for n in range(12)])
    np.testing.assert_allclose(windows.ood, (first + second) / 2, atol=1e-5)
    (run / "features/scenes.h5").unlink()
    export(choose(run), tmp_path / "again", "zero")
    assert read_held_out(tmp_path / "again").measures["ood"].isna().all()

"""Validation: which clips it takes, what it keeps, and that the test fold never has a say."""

import copy
import json

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recipes import train_from_scratch, transfer

from vipann.errors import UserError
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint, save_checkpoint, sidecar_of
from vipann.models.strategies import build_network
from vipann.training.sampling import rows_for

NEXT = {"split": "next_fold", "every_epochs": 1, "mc_samples": 2, "select": "last"}


def validated(settings, **changes):
    settings = copy.deepcopy(settings)
    settings["training"]["validation"] = NEXT | changes
    return settings


class Folds:
    """As much of a FeatureStore as `rows_for` looks at."""

    path = "f.h5"

    def __init__(self, fold):
        self.fold = np.array(fold)

    def rows(self, folds):
        return np.flatnonzero(np.isin(self.fold, folds))


@given(st.lists(st.sampled_from([1, 2, 3, 7, 10]), min_size=3, max_size=40), st.data())
def test_folds_are_shared_out_whole(folds, data):
    store, numbers = Folds(folds), sorted(set(folds))
    test = data.draw(st.sampled_from(numbers))
    plain = rows_for(store, test, "none")
    assert set(plain.training) == {i for i, fold in enumerate(folds) if fold != test}
    assert len(plain.validation) == 0
    assert plain.validation_fold is None
    if len(numbers) < 3:
        with pytest.raises(UserError, match="needs 3"):
            rows_for(store, test, "next_fold")
        return
    rows = rows_for(store, test, "next_fold")
    of = {name: {folds[i] for i in getattr(rows, name)} for name in ("training", "validation")}
    later = [number for number in numbers if number > test] or numbers
    assert of["validation"] == {later[0]} == {rows.validation_fold}
    assert of["training"] == set(numbers) - {test, later[0]}
    assert not set(rows.training) & set(rows.validation)
    assert len(rows.training) + len(rows.validation) + folds.count(test) == len(folds)


def test_training_never_sees_the_test_fold(multiclass):
    with FeatureStore(multiclass) as store:
        assert set(store.fold[rows_for(store, 2, "none").training]) == {1, 3}
        with pytest.raises(UserError, match=r"no fold 4; its folds are \[1, 2, 3\]"):
            rows_for(store, 4, "none")


@pytest.mark.parametrize(("split", "holding"), [("none", {2}), ("next_fold", {2, 3})])
def test_a_class_that_rejected_clips_leave_untrained_stops_before_training(
    multiclass, settings, tmp_path, split, holding
):
    """The features hold `quiet` in the tested fold (and the one that validates) alone."""
    train_from_scratch("det", 2, multiclass, settings, tmp_path / "sound.safetensors")
    with h5py.File(multiclass, "r+") as file:
        labels, fold = file["labels"][()], file["fold"][()]
        lost = (labels[:, 2] == 1) & ~np.isin(fold, list(holding))
        labels[lost] = [1, 0, 0]
        file["labels"][...] = labels
    own = validated(settings, split=split)
    start = tmp_path / "start.safetensors"
    save_checkpoint(build_network("det", 3, own), start, {"classes": ["a", "b", "c"]})
    rejected = str(multiclass.with_suffix(".rejected.csv"))
    for train in (
        lambda out: train_from_scratch("det", 2, multiclass, own, out),
        lambda out: transfer("det", "fixed", 2, multiclass, start, own, out),
    ):
        with pytest.raises(UserError) as caught:
            train(tmp_path / "out.safetensors")
        for part in ("quiet", "fold 2", rejected):
            assert part in str(caught.value)
        assert not (tmp_path / "out.safetensors").exists()


def poison(features, out, fold, logmel=np.nan):
    """A copy whose clips of `fold` are NaN, or another value, and have other labels."""
    out.write_bytes(features.read_bytes())
    with h5py.File(out, "r+") as file:
        for row in np.flatnonzero(file["fold"][()] == fold):
            file["logmel"][row] = logmel
            file["labels"][row] = np.roll(file["labels"][row], 1)
    return out


@pytest.mark.parametrize("cache", ["none", "embeddings"])
def test_a_poisoned_test_fold_changes_no_byte(cache, multiclass, settings, tmp_path):
    settings = validated(settings, select="best")
    transferred = settings | {"training": settings["training"] | {"cache": cache, "views": 2}}
    transferred["training"]["backbone_mode"] = "eval"
    up = tmp_path / "up.safetensors"
    save_checkpoint(build_network("det", 4, settings), up, {"classes": list("abcd")})
    found = []
    for name, features in (
        ("clean", multiclass),
        ("poisoned", poison(multiclass, tmp_path / "p.h5", fold=2)),
        ("validation", poison(multiclass, tmp_path / "v.h5", fold=3, logmel=0)),
    ):
        out = [tmp_path / name / f"{phase}.safetensors" for phase in ("fixed", "finetuned", "raw")]
        transfer("det_flip", "fixed", 2, features, up, transferred, out[0])
        transfer("det_flip", "finetuned", 2, features, out[0], transferred, out[1])
        train_from_scratch("drop", 2, features, settings, out[2])
        facts = [json.loads(sidecar_of(p).read_text()) for p in out]
        assert all(one.pop("training_seconds") > 0 for one in facts)
        found.append(list(zip((p.read_bytes() for p in out), facts, strict=True)))
    assert found[0] == found[1]
    curves = [facts["validation"]["curve"] for _, facts in found[0]]
    other = [facts["validation"]["curve"] for _, facts in found[2]]
    assert curves != other, "the validation fold does have a say"


@pytest.mark.parametrize("strategy", ["det", "flip"])
def test_validating_changes_nothing_but_the_training_clips(
    strategy, multiclass, settings, tmp_path
):
    """The same weights as without validation on a file that lacks the validation fold."""
    without = tmp_path / "without.h5"
    with h5py.File(multiclass) as full, h5py.File(without, "w") as part:
        kept = np.flatnonzero(full["fold"][()] != 2)
        for name, values in full.items():
            chunks = (1, *values.shape[1:]) if name == "logmel" else None
            part.create_dataset(name, data=values[()][kept], chunks=chunks)
        part.attrs.update(full.attrs)
    watched, plain = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    train_from_scratch(strategy, 1, multiclass, validated(settings), watched)
    train_from_scratch(strategy, 1, without, settings, plain)
    assert watched.read_bytes() == plain.read_bytes()


def test_the_best_epoch_is_the_one_that_is_kept(multiclass, settings, tmp_path):
    settings = validated(settings, select="best", every_epochs=2)
    settings["training"] |= {"epochs": 7, "learning_rate": 0.02}
    out = tmp_path / "best.safetensors"
    train_from_scratch("det", 1, multiclass, settings, out)
    facts = load_checkpoint(out)[1]["validation"]
    curve = facts["curve"]
    assert [point["epoch"] for point in curve] == [2, 4, 6, 7]
    assert facts["fold"] == 2
    assert facts["clips"] == 9
    best = max(curve, key=lambda point: (point["accuracy"], -point["loss"]))
    assert facts["chosen"] == best
    score = {"seed": 1, "mc_samples": 1, "replications": 1, "dataset": "d", "scored_dataset": "d"}
    predict(out, multiclass, {"folds": [2]}, score, "cpu", 4, tmp_path / "p.h5")
    found = read_predictions(tmp_path / "p.h5")
    assert (found.predicted == found.targets).mean() == pytest.approx(best["accuracy"])
    chosen = found.mean_probability[0][np.arange(9), found.targets]
    assert -np.log(chosen).mean() == pytest.approx(best["loss"], rel=1e-4)
    last = copy.deepcopy(settings)
    last["training"]["validation"]["select"] = "last"
    train_from_scratch("det", 1, multiclass, last, tmp_path / "last.safetensors")
    states = [load_checkpoint(tmp_path / f"{n}.safetensors")[0] for n in ("best", "last")]
    same = all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert same == (best == curve[-1])
    assert not same, "choose another learning rate: here the last epoch is the best"

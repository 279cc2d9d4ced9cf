"""Ensembles of prediction files, against a few lines of numpy."""

from dataclasses import replace

import numpy as np
import pytest
from dummies import random_predictions

from vipann.errors import UserError
from vipann.evaluation.ensembles import ensemble, ensemble_of
from vipann.evaluation.predictions import UNCERTAINTIES, read_predictions, write_predictions
from vipann.evaluation.seed_ensembles import seed_ensemble


def members(count=3, **changes):
    labels = random_predictions(task="multilabel").labels
    given = {"task": "multilabel", "replications": 1, "labels": labels, **changes}
    return [(f"m{seed}", random_predictions(seed, **given)) for seed in range(count)]


def binary_entropy(p):
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(-1)


def test_members_stand_where_samples_stand():
    found = members()
    p = np.array([one.mean_probability[0] for _, one in found]).astype(np.float64)
    together = ensemble_of(found)
    total, aleatoric = binary_entropy(p.mean(0)), binary_entropy(p).mean(0)
    np.testing.assert_allclose(together.mean_probability[0], p.mean(0))
    np.testing.assert_allclose(together.total[0], total)
    np.testing.assert_allclose(together.aleatoric[0], aleatoric)
    np.testing.assert_allclose(together.epistemic[0], total - aleatoric, atol=1e-12)
    assert (together.mc_samples, together.strategy) == (3, "ensemble")
    np.testing.assert_array_equal(together.labels, found[0][1].labels)


def test_a_multiclass_ensemble_has_the_entropy_of_one_distribution():
    labels = random_predictions().labels
    found = [(str(s), random_predictions(s, replications=1, labels=labels)) for s in (0, 1)]
    p = np.array([one.mean_probability[0] for _, one in found]).astype(np.float64)
    expected = -(p.mean(0) * np.log(p.mean(0))).sum(-1)
    np.testing.assert_allclose(ensemble_of(found).total[0], expected)


def test_a_member_of_several_replications_counts_with_their_mean():
    found = members(2, replications=4)
    p = [one.mean_probability.astype(np.float64).mean(0) for _, one in found]
    together = ensemble_of(found)
    assert together.replications == 1
    np.testing.assert_allclose(together.mean_probability[0], np.mean(p, axis=0))
    np.testing.assert_allclose(together.aleatoric[0], np.mean([*map(binary_entropy, p)], axis=0))


def test_probabilities_outside_of_their_range_are_clipped_and_counted(capsys):
    found = members(2)
    found[1][1].mean_probability[0, 3, :2] = 1.25, -0.5
    together = ensemble_of(found)
    first = found[0][1].mean_probability[0, 3, :2].astype(np.float64)
    np.testing.assert_allclose(together.mean_probability[0, 3, :2], (first + np.array([1, 0])) / 2)
    assert np.isfinite(together.aleatoric).all()
    assert "2 of 240 probabilities lay outside of [0, 1]" in capsys.readouterr().out


def test_files_are_read_and_written(tmp_path):
    paths = [tmp_path / f"{name}.h5" for name, _ in members()]
    for path, (_, one) in zip(paths, members(), strict=True):
        write_predictions(one, path)
    ensemble(paths, tmp_path / "out.h5")
    found, expected = read_predictions(tmp_path / "out.h5"), ensemble_of(members())
    for name in ("mean_probability", *UNCERTAINTIES):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clip_id": np.array([f"x{i}" for i in range(30)])}, "clip_id"),
        ({"classes": ("a", "b", "c", "d")}, "classes"),
        ({"labels": np.ones((30, 4), np.uint8)}, "labels"),
        ({"clip_seconds": 10.0}, "clip_seconds"),
    ],
)
def test_other_clips_or_classes_are_refused(changes, named):
    other = replace(members(1)[0][1], **changes)
    with pytest.raises(UserError, match=f"x and m0 cannot .* differ in {named}"):
        ensemble_of([*members(2), ("x", other)])


@pytest.mark.parametrize("count", [0, 1])
def test_an_ensemble_of_one_is_refused(count):
    with pytest.raises(UserError, match="at least two members"):
        ensemble_of(members(count))


def test_an_ensemble_of_seeds_is_a_strategy_of_its_own(tmp_path):
    files = []
    for name, one in members(2):
        files.append(tmp_path / f"{name}.h5")
        write_predictions(one, files[-1])
    seed_ensemble(files, tmp_path / "ens.h5")
    found, expected = read_predictions(tmp_path / "ens.h5"), ensemble_of(members(2))
    assert (found.strategy, found.mc_samples) == ("ens", 2)
    for name in UNCERTAINTIES:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)

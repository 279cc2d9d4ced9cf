"""Uncertainties by the number of Monte Carlo samples, where the truth is known."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import digamma
from scipy.stats import spearmanr

from vipann.errors import UserError
from vipann.evaluation import samples
from vipann.evaluation.predictions import Predictions, write_predictions

CLIPS, CLASSES = 40, 5


def entropy_of(p):
    return -(p * np.log(p)).sum(-1)


def dirichlet(concentration, most, clips=CLIPS, seed=0):
    """Samples (most, clips, CLASSES), and the true total and aleatoric uncertainty of each clip;
    concentration: of all clips, or of each, (clips, 1)."""
    rng = np.random.default_rng(seed)
    alpha = concentration * rng.dirichlet(np.full(CLASSES, 2.0), clips)
    p = np.stack([rng.dirichlet(row, most) for row in alpha], axis=1)
    whole = alpha.sum(1, keepdims=True)
    mean = alpha / whole
    aleatoric = digamma(whole[:, 0] + 1) - (mean * digamma(alpha + 1)).sum(1)
    return np.maximum(p, 1e-12), entropy_of(mean), aleatoric


def kept(p, task="multiclass"):
    """A file's contents."""
    zeros = np.zeros(p.shape[:2], np.float32)
    names = np.array([f"clip{i}" for i in range(p.shape[1])])
    return Predictions(
        p.astype(np.float32),
        *(zeros, zeros, zeros),
        np.eye(p.shape[2], dtype=np.uint8)[np.arange(p.shape[1]) % p.shape[2]],
        *(names, names, task, "scenes", "scenes", "drop", "finetuned", 1, 1, 0),
        tuple(map(str, range(p.shape[2]))),
        5.0,
    )


def means(curves, kind, column="mean"):
    return curves[curves["uncertainty"] == kind].set_index("mc_samples")[column]


def test_the_mutual_information_of_m_samples_is_too_small_by_a_share_of_one_in_m():
    p, total, aleatoric = dirichlet(60.0, 1000, clips=400)
    curves, truth = samples.curves_of(kept(p)), (total - aleatoric).mean()
    found = means(curves, "epistemic")
    assert found[1] == 0
    for number in (2, 5, 10, 50):
        assert found[number] == pytest.approx(truth * (1 - 1 / number), rel=0.05)
        assert means(curves, "aleatoric")[number] == pytest.approx(aleatoric.mean(), rel=0.01)
        lacking = total.mean() - means(curves, "total")[number]
        assert lacking == pytest.approx(truth / number, rel=0.1, abs=0.002)


def test_what_is_expected_starts_from_all_samples():
    p, *_ = dirichlet(60.0, 1000)
    curves = samples.curves_of(kept(p))
    expected = means(curves, "epistemic", "expected")
    assert expected[1] == pytest.approx(0, abs=1e-12)
    assert expected[1000] == pytest.approx(means(curves, "epistemic")[1000])
    for kind in ("total", "epistemic", "aleatoric"):
        np.testing.assert_allclose(
            means(curves, kind, "expected"), means(curves, kind), rtol=0.05, atol=0.002
        )


def test_the_same_holds_for_several_labels_a_clip():
    rng = np.random.default_rng(1)
    a, b = rng.uniform(10, 30, (2, 30, 4))
    p = rng.beta(a, b, (800, 30, 4))
    curves = samples.curves_of(kept(p, "multilabel"))

    def binary(q):
        return (entropy_of(np.stack([q, 1 - q], -1))).sum(-1)

    inner = a * digamma(a + 1) + b * digamma(b + 1)
    truth = (binary(a / (a + b)) - (digamma(a + b + 1) - inner / (a + b)).sum(-1)).mean()
    for number in (2, 10, 50):
        found = means(curves, "epistemic")[number]
        assert found == pytest.approx(truth * (1 - 1 / number), rel=0.05)


def test_blocks_have_no_sample_in_common():
    p, *_ = dirichlet(5.0, 17, clips=3)
    found = samples.uncertainties_of_blocks(p, "multiclass", 5)
    for block in range(3):
        own = p[5 * block : 5 * block + 5]
        total, aleatoric = entropy_of(own.mean(0)), entropy_of(own).mean(0)
        np.testing.assert_allclose(found["epistemic"][block], total - aleatoric, atol=1e-12)
    assert all(values.shape == (3, 3) for values in found.values())


def test_the_ranking_gets_better_with_samples_and_is_perfect_with_all():
    p, *_ = dirichlet(20.0, 200)
    curves = samples.curves_of(kept(p))
    ranks = means(curves, "epistemic", "spearman")
    assert ranks[1] == 0
    assert ranks[2] < ranks[20] < ranks[200] == pytest.approx(1)
    epistemic = curves[curves["uncertainty"] == "epistemic"]
    assert ranks[samples.enough(epistemic, 0.95)] >= 0.95
    assert samples.enough(epistemic, 0.95) <= samples.enough(epistemic, 0.99)
    # All three have to pass.
    assert samples.enough(curves, 0.95) == max(
        samples.enough(curves[curves["uncertainty"] == kind], 0.95)
        for kind in ("total", "aleatoric", "epistemic")
    )


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=30))
def test_rank_correlation_is_scipys(pairs):
    one, other = map(np.array, zip(*pairs, strict=True))
    found = samples._correlation(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found == 0
    else:
        assert found == pytest.approx(spearmanr(one, other).statistic, abs=1e-9)


def test_a_network_without_random_layers_is_no_fault():
    p, *_ = dirichlet(20.0, 1)
    curves = samples.curves_of(kept(p))
    assert set(curves["mc_samples"]) == {1}
    assert samples.enough(curves, 0.95) == 1


def test_what_is_chosen_is_read_again(tmp_path):
    p, *_ = dirichlet(np.geomspace(2, 200, CLIPS)[:, None], 200)
    write_predictions(kept(p), tmp_path / "samples.h5")
    samples.choose_samples(tmp_path / "samples.h5", tmp_path / "chosen.json")
    chosen = samples.chosen_samples(tmp_path / "chosen.json")
    assert chosen == samples.enough(samples.curves_of(kept(p)), 0.95)
    assert 2 < chosen < 200
    facts = json.loads((tmp_path / "chosen.json").read_text())
    assert (facts["level"], facts["clips"]) == (0.95, CLIPS)


@pytest.mark.parametrize("text", ["", "{}", '{"mc_samples": null}'])
def test_a_broken_choice_names_its_file(tmp_path, text):
    path = tmp_path / "chosen.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"chosen\.json.*delete it"):
        samples.chosen_samples(path)


def test_curves_of_several_files_are_one_table(tmp_path):
    p, *_ = dirichlet(20.0, 8)
    files = [tmp_path / f"{fold}.h5" for fold in (1, 2)]
    for fold, path in enumerate(files, 1):
        write_predictions(dataclasses.replace(kept(p), fold=fold), path)
    samples.sample_curves(files, tmp_path / "curves.parquet")
    found = pd.read_parquet(tmp_path / "curves.parquet")
    assert list(found.columns) == samples.CURVE_COLUMNS
    assert found.groupby("fold").size().to_dict() == {1: 18, 2: 18}

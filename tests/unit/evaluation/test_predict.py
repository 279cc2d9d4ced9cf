"""Monte Carlo prediction: repeatable, independent of batches, and no step done twice."""

from dataclasses import replace

import pytest
import torch

from vipann.config import merge
from vipann.evaluation import predict
from vipann.evaluation.decomposition import Decomposition, probabilities
from vipann.evaluation.predict import SamplingPlan, sample
from vipann.models.clip_rng import clip_keys
from vipann.models.strategies import build_transferred

CLIPS = [f"clip{i}" for i in range(7)]
PLAN = SamplingPlan(mc_samples=3, replications=2, seed=11)
FORMS = [
    ("drop", "element"),
    ("det_flip", "element"),
    ("flip", "element"),
    ("flip", "channel"),
]


@pytest.fixture(params=FORMS, ids="-".join)
def network(request, small_network):
    strategy, signs = request.param
    torch.manual_seed(0)
    return build(strategy, merge(small_network, {"bayesian": {"signs": signs}}))


def build(strategy, settings):
    network = build_transferred(strategy, 4, settings).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bn3.weight"):
            torch.nn.init.ones_(parameter)
    return network


@pytest.fixture
def clips():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(7, 40, 64, generator=generator)


def scored(network, clips, rows, plan=PLAN):
    keys = clip_keys(plan.seed, [CLIPS[row] for row in rows])
    found = sample(network, clips[rows], keys, "multiclass", plan)
    return torch.stack([torch.cat([d.mean_probability, d.total[:, None]], 1) for d in found])


def test_neither_batches_nor_their_order_change_a_clips_result(network, clips):
    whole = scored(network, clips, range(7))
    parts = torch.cat([scored(network, clips, rows) for rows in ([0, 1], [2, 3, 4, 5], [6])], 1)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)
    mixed = scored(network, clips, [5, 0, 3])
    torch.testing.assert_close(mixed, whole[:, [5, 0, 3]], rtol=1e-4, atol=1e-6)


def test_bfloat16_rounds_and_draws_the_same(network, clips):
    exact = scored(network, clips, range(7))
    rounded = scored(network, clips, range(7), replace(PLAN, precision="bfloat16"))
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.05)


def test_the_seed_repeats_and_replications_clips_and_seeds_differ(network, clips):
    first = scored(network, clips, range(7))
    state = torch.get_rng_state()
    assert torch.equal(first, scored(network, clips, range(7)))
    assert torch.equal(state, torch.get_rng_state())
    assert (first[0] != first[1]).any(1).all()
    other = scored(network, clips, range(7), SamplingPlan(3, 2, seed=12))
    assert (first != other).any(2).all()
    twins = clips[:1].expand(7, -1, -1)
    assert len(torch.unique(scored(network, twins, range(7))[0], dim=0)) == 7


def test_samples_that_share_a_pass_draw_what_they_draw_alone(network, clips, monkeypatch):
    together = scored(network, clips, range(7), SamplingPlan(7, 1, seed=1))
    monkeypatch.setattr(predict, "_FLOATS_AT_ONCE", 1)
    alone = scored(network, clips, range(7), SamplingPlan(7, 1, seed=1))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["drop", "det_flip", "flip"])
def test_the_distribution_is_that_of_plain_forward_passes(strategy, small_network, clips):
    torch.manual_seed(0)
    network, draws = build(strategy, small_network), 1500
    plan = SamplingPlan(draws, 1, seed=5)
    keys = clip_keys(plan.seed, CLIPS[:2])
    (ours,) = sample(network, clips[:2], keys, "multiclass", plan)
    plain, probability = Decomposition("multiclass"), []
    with torch.no_grad():
        for _ in range(draws):
            probability.append(probabilities(network(clips[:2]), "multiclass"))
            plain.add(probability[-1])
    spread = torch.stack(probability).std(0)
    assert (spread > 0).all()
    error = (ours.mean_probability - plain.mean_probability).abs()
    assert (error < 5 * (2 / draws) ** 0.5 * spread).all()
    torch.testing.assert_close(ours.epistemic, plain.epistemic, rtol=0.25, atol=1e-6)


@pytest.mark.parametrize(
    ("strategy", "trunk_passes"), [("det", 1), ("det_flip", 1), ("drop", 6), ("flip", 6)]
)
def test_what_comes_before_the_first_random_layer_runs_once(
    strategy, trunk_passes, small_network, clips
):
    network, passes = build(strategy, small_network), {"stem": 0, "trunk": 0}
    network.encoder.conv_block1.register_forward_hook(
        lambda *_: passes.update(stem=passes["stem"] + 1)
    )
    network.encoder.resnet.register_forward_hook(
        lambda *_: passes.update(trunk=passes["trunk"] + 1)
    )
    scored(network, clips, range(7))
    assert passes == {"stem": 6 if strategy == "flip" else 1, "trunk": trunk_passes}

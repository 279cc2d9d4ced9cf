"""PSLA's masking, mixup and learning rate against the paper's formulas by hand."""

import numpy as np
import pytest
import torch
from recipes import recipe
from torch import nn

from vipann.training.augmentation import augmented, mask, mixing_weights
from vipann.training.mixup import MixedClips, Partners
from vipann.training.objective import ClassifierTraining, schedule


class Clips:
    """Clip i is all i, in 2 frames of 3 bands, and of class i."""

    clip_ids = np.array([f"clip{i}" for i in range(10)])

    def __len__(self):
        return 10

    def __getitem__(self, positions):
        chosen = torch.as_tensor(np.asarray(positions))
        return chosen.float().view(-1, 1, 1).expand(-1, 2, 3).clone(), torch.eye(10)[chosen]


def test_a_stripe_of_bands_and_one_of_frames_have_the_value_and_the_rest_is_as_it_was():
    torch.manual_seed(0)
    x = torch.randn(2000, 1, 60, 20)
    found = mask(x, {"frequency": 6, "time": 24, "value": 1.017})
    is_masked = found == 1.017
    assert torch.equal(found[~is_masked], x[~is_masked])
    bands, frames = is_masked.all(dim=2)[:, 0], is_masked.all(dim=3)[:, 0]
    assert torch.equal(is_masked[:, 0], bands[:, None, :] | frames[:, :, None])
    for stripe, width in (bands, 6), (frames, 24):
        starts = stripe.int().diff(dim=1, prepend=torch.zeros(2000, 1, dtype=torch.int)) == 1
        assert starts.sum(dim=1).max() == 1, "more than one stripe"
        widths = stripe.sum(dim=1).bincount(minlength=width)
        assert len(widths) == width
        assert widths.tolist() == pytest.approx([2000 / width] * width, abs=80)


def test_a_recipe_without_masking_draws_nothing_for_it():
    torch.manual_seed(0)
    x = torch.ones(4, 1, 8, 8)
    before = torch.get_rng_state()
    for masking in (None, {"frequency": 0, "time": 0}):
        assert torch.equal(augmented(x, recipe(masking=masking)), x)
    assert torch.equal(torch.get_rng_state(), before)
    assert (augmented(x, recipe(masking={"frequency": 8, "time": 8})) == 0).any()


def test_each_clip_is_mixed_with_its_partner_and_labels_are_mixed_like_it():
    positions = np.array([3, 4, 4, 9])
    partners, weights = np.array([7, -1, 0, 9]), np.array([0.25, 1.0, 0.5, 0.1])
    x, y = MixedClips(Clips())[positions, partners, weights, np.zeros((4, 2))]
    assert x.shape == (4, 2, 3)
    assert x.dtype == y.dtype == torch.float32
    expected = [0.25 * 3 + 0.75 * 7, 4.0, 0.5 * 4, 9.0]
    torch.testing.assert_close(x[:, 0, 0], torch.tensor(expected))
    by_hand = torch.zeros(4, 10)
    for row, (i, j, share) in enumerate(zip(positions, partners, weights, strict=True)):
        by_hand[row, i] += share
        if j >= 0:
            by_hand[row, j] += 1 - share
    torch.testing.assert_close(y, by_hand)


def test_partners_are_drawn_evenly_at_the_rate_with_lambda_from_beta():
    found = [Partners(50, 0.5, 10.0, 3).of(step, 100) for step in range(400)]
    partners, weights, _ = (np.concatenate(part) for part in zip(*found, strict=True))
    is_mixed = partners >= 0
    assert is_mixed.mean() == pytest.approx(0.5, abs=0.01)
    assert (weights[~is_mixed] == 1).all()
    # Beta(10, 10) has the variance 1 / (4 (2 * 10 + 1)).
    assert weights[is_mixed].mean() == pytest.approx(0.5, abs=0.003)
    assert weights[is_mixed].var() == pytest.approx(1 / 84, rel=0.05)
    assert np.bincount(partners[is_mixed]).tolist() == pytest.approx([400] * 50, abs=90)


def test_partners_follow_from_the_seed_and_the_step():
    one, other = (Partners(50, 0.5, 10.0, seed) for seed in (3, 4))
    same = Partners(50, 0.5, 10.0, 3)
    for step in (7, 2):
        for found, again in zip(one.of(step, 9), same.of(step, 9), strict=True):
            np.testing.assert_array_equal(found, again)
    assert (one.of(2, 9)[1] != one.of(3, 9)[1]).any()
    assert (one.of(2, 9)[1] != other.of(2, 9)[1]).any()


def test_pairs_beyond_the_rate_keep_their_first_clip():
    torch.manual_seed(0)
    weights = mixing_weights(20000, 10.0, 0.2)
    assert (weights == 1).float().mean() == pytest.approx(0.8, abs=0.01)
    torch.manual_seed(0)
    every = mixing_weights(5, 1.0)
    torch.manual_seed(0)
    assert torch.equal(every, torch.distributions.Beta(1.0, 1.0).sample((5,)))


def rates(steps, steps_per_epoch, **changes):
    chosen = recipe(learning_rate=1.0, **changes)
    optimizer = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=1.0)
    scheduler = schedule(optimizer, chosen, steps, steps_per_epoch)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_the_rate_is_halved_after_an_epoch_and_every_so_many_from_there():
    halving = {"first_epoch": 10, "every_epochs": 5}
    found = rates(30 * 4, 4, learning_rate_schedule="halving", learning_rate_halving=halving)
    # PSLA, full set, epochs counted from 1: 1 to 10 in full, 11 to 15 at a half, and so on.
    epochs = range(1, 31)
    expected = [0.5 ** (0 if e <= 10 else 1 + (e - 11) // 5) for e in epochs for _ in range(4)]
    assert found == pytest.approx(expected)
    assert expected[-1] == 1 / 16


@pytest.mark.parametrize("kind", ["constant", "cosine", "halving"])
def test_the_rate_rises_linearly_to_that_of_its_schedule(kind):
    chosen = {"learning_rate_schedule": kind}
    chosen |= {"learning_rate_halving": {"first_epoch": 1, "every_epochs": 2}}
    plain = rates(40, 4, **chosen)
    found = rates(40, 4, **chosen, warmup_steps=10)
    expected = [rate * min(1, (step + 1) / 10) for step, rate in enumerate(plain)]
    assert found == pytest.approx(expected)


def test_adam_has_the_recipes_weight_decay_and_betas():
    chosen = recipe(weight_decay=5e-7, betas=[0.95, 0.999])
    optimizer, _ = ClassifierTraining(nn.Linear(2, 2), chosen, "multilabel").optimizer(10, 5)
    assert optimizer.defaults["weight_decay"] == 5e-7
    assert optimizer.defaults["betas"] == (0.95, 0.999)

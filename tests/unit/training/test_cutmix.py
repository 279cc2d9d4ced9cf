"""CutMix against Yun et al. (2019) by hand, and the thesis's steps of the learning rate."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recipes import recipe
from torch import nn

from vipann.training.mixup import MixedClips, Partners, box, share_of
from vipann.training.objective import schedule

sides = st.integers(1, 40)
shares = st.floats(0, 1)
middles = st.floats(0, 1, exclude_max=True)


class Clips:
    """Clip i is all i + 1, in 20 frames of 10 bands, and of class i."""

    clip_ids = np.array([f"clip{i}" for i in range(6)])
    shape: tuple[int, ...] = (20, 10)

    def __len__(self):
        return 6

    def __getitem__(self, positions):
        chosen = torch.as_tensor(np.asarray(positions))
        ones = [1] * len(self.shape)
        x = (chosen.float() + 1).view(-1, *ones).expand(-1, *self.shape).clone()
        return x, torch.eye(6)[chosen]


class Waveforms(Clips):
    shape = (400,)


def test_a_box_of_the_partner_replaces_the_clip_and_labels_go_by_its_area():
    positions, partners = np.array([0, 2, 5]), np.array([1, -1, 4])
    weights = np.array([0.75, 1.0, 0.36])
    centres = np.array([[0.5, 0.5], [0.1, 0.1], [0.0, 0.99]])
    x, y = MixedClips(Clips(), cuts=True)[positions, partners, weights, centres]
    # The root of 1 - 0.75 is a half: 10 of 20 frames around frame 10, 5 of 10 bands around 5.
    expected = torch.full((20, 10), 1.0)
    expected[5:15, 3:8] = 2.0
    torch.testing.assert_close(x[0], expected)
    torch.testing.assert_close(y[0], torch.tensor([0.75, 0.25, 0, 0, 0, 0]))
    # No partner: as it was.
    assert (x[1] == 3).all()
    torch.testing.assert_close(y[1], torch.eye(6)[2])
    # Sides of 16 and 8 around the corner (0, 9): what lies outside is lost, and counts nowhere.
    expected = torch.full((20, 10), 6.0)
    expected[0:8, 5:10] = 5.0
    torch.testing.assert_close(x[2], expected)
    torch.testing.assert_close(y[2], torch.tensor([0, 0, 0, 0, 0.2, 0.8]))


def test_a_waveform_gets_one_stretch():
    mixture = np.array([0]), np.array([1]), np.array([0.75]), np.array([[0.5, 0.5]])
    x, y = MixedClips(Waveforms(), cuts=True)[mixture]
    assert (x[0] == 2).nonzero().flatten().tolist() == list(range(150, 250))
    torch.testing.assert_close(y[0, :2], torch.tensor([0.75, 0.25]))


@given(frames=sides, bands=sides, kept=shares, at=middles, band=middles)
def test_a_box_lies_inside_and_is_no_larger_than_asked_for(frames, bands, kept, at, band):
    cut = box((frames, bands), kept, np.array([at, band]))
    inside = np.zeros((frames, bands), dtype=bool)
    inside[cut] = True
    assert inside.mean() == pytest.approx(share_of(cut, (frames, bands)))
    for part, length in zip(cut, (frames, bands), strict=True):
        assert part.stop - part.start <= length * (1 - kept) ** 0.5 + 0.5


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_box_that_lies_wholly_inside_has_the_area_that_was_drawn(kept):
    cut = box((1000, 640), kept, np.array([0.5, 0.5]))
    assert 1 - share_of(cut, (1000, 640)) == pytest.approx(kept, abs=0.003)


def test_the_labels_share_is_that_of_the_values_whatever_is_drawn():
    clips, partners = MixedClips(Clips(), cuts=True), Partners(6, 1.0, 1.0, 5)
    for step in range(20):
        positions = np.random.default_rng(step).integers(6, size=8)
        whom, weights, centres = partners.of(step, 8)
        x, y = clips[positions, whom, weights, centres]
        for values, labels in zip(x, y, strict=True):
            shares = torch.bincount(values.flatten().long() - 1, minlength=6) / values.numel()
            torch.testing.assert_close(labels, shares)


@pytest.mark.parametrize(
    ("first", "every", "expected"),
    [
        # The text: halved every 2 epochs. Table 6.1.
        (2, 2, [1, 1, 1 / 2, 1 / 2, 1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 16, 1 / 16]),
        # The published code: every epoch from the second on.
        (2, 1, [1, 1, *(0.5**n for n in range(1, 9))]),
    ],
)
def test_both_step_schedules_of_the_thesis_are_settings(first, every, expected):
    halving = {"first_epoch": first, "every_epochs": every}
    chosen = recipe(
        learning_rate=1.0, learning_rate_schedule="halving", learning_rate_halving=halving
    )
    optimizer = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=1.0)
    scheduler = schedule(optimizer, chosen, 30, 3)
    found = []
    for _ in range(30):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert found == pytest.approx([rate for rate in expected for _ in range(3)])

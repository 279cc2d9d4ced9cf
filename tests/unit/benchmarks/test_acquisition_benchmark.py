"""The simulated reviewer: what it labels, in which order, and that the test clips stay unseen."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
from acquisition import Clips, Rounds, Scored, simulate

CLASSES, FOLDS, CLIPS = 4, 5, 400


@pytest.fixture(scope="module")
def clips():
    """Classes around points on a circle, the first two so near that they are confused."""
    rng = np.random.default_rng(0)
    label = np.arange(CLIPS) % CLASSES
    angle = np.array([0.0, 0.35, 2.2, 4.2])[label]
    place = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.15 * rng.standard_normal((CLIPS, 2))
    return Clips(
        torch.from_numpy(place.astype(np.float32))[:, None],
        torch.eye(CLASSES)[label],
        np.arange(CLIPS) // CLASSES % FOLDS + 1,
        np.array([str(number) for number in range(CLIPS)]),
    )


def learner(clips, seen):
    """Scores by the distances from the means of the labelled clips; epistemic is what few know."""

    def learn(labelled, seed):
        seen.append(labelled)
        place, target = clips.embeddings[:, 0].numpy(), clips.labels.argmax(1).numpy()
        means = np.stack([place[labelled][target[labelled] == n].mean(0) for n in range(CLASSES)])

        def score(rows):
            away = ((place[rows][:, None] - means) ** 2).sum(-1)
            p = np.exp(-10 * away)
            p /= p.sum(1, keepdims=True)
            total = -(p * np.log(p + 1e-12)).sum(1)
            return Scored(p, total, away.min(1))

        return score

    return learn


@pytest.mark.parametrize("order", ["epistemic", "total", "random"])
def test_rounds_add_the_first_clips_of_the_order_and_never_test_clips(clips, order):
    seen = []
    rounds = Rounds(first=2, step=7, rounds=3)
    found = simulate(clips, learner(clips, seen), order, 1, 2, rounds)
    assert len(found) == 4
    assert [len(one) for one in seen] == [8, 15, 22, 29]
    for before, after in itertools.pairwise(seen):
        assert set(before) < set(after)
    assert len(set(seen[-1])) == 29
    assert not (clips.folds[seen[-1]] == 2).any()
    if order != "random":
        score = learner(clips, [])(seen[0], 0)
        rest = np.setdiff1d(np.flatnonzero(clips.folds != 2), seen[0])
        values = getattr(score(rest), order)
        assert set(seen[1][8:]) == set(rest[np.argsort(-values)[:7]])


def test_all_orders_of_a_seed_begin_alike_and_a_seed_says_all(clips):
    starts, again = {}, {}
    for order in ("epistemic", "total", "random"):
        seen = []
        starts[order] = simulate(clips, learner(clips, seen), order, 3, 1, Rounds(1, 5, 2))
        again[order] = simulate(clips, learner(clips, []), order, 3, 1, Rounds(1, 5, 2))
        starts[f"{order} clips"] = seen[0].tolist()
    assert starts["epistemic clips"] == starts["total clips"] == starts["random clips"]
    assert len({values[0] for name, values in starts.items() if "clips" not in name}) == 1
    assert {name: starts[name] for name in again} == again


def test_rare_classes_are_rare_among_what_may_be_labelled_only(clips):
    seen = []
    rounds = Rounds(first=1, step=400, rounds=1, rarest=0.1)
    simulate(clips, learner(clips, seen), "random", 1, 1, rounds)
    counts = clips.labels[torch.from_numpy(seen[-1])].sum(0).numpy()
    assert sorted(counts) == [round(80 * 0.1 ** (n / 3)) for n in (3, 2, 1, 0)]


def test_what_is_confused_is_asked_for_by_entropy(clips):
    seen = []
    simulate(clips, learner(clips, seen), "total", 1, 1, Rounds(first=3, step=20, rounds=1))
    asked = clips.labels[torch.from_numpy(seen[-1][12:])].sum(0)
    assert asked[:2].sum() >= 18

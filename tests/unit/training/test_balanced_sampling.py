"""Balanced sampling against loops written by hand, and what it leaves unseen."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vipann.training.exposure import (
    class_frequency,
    expected_class_frequency,
    expected_unseen_share,
    unseen_share,
)
from vipann.training.sampling import BatchOrder, balanced, balancing, shuffled

LABELS = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]], np.uint8)


def multi_hot():
    shapes = st.tuples(st.integers(1, 30), st.integers(1, 6))
    return shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


def test_the_weight_of_a_clip_is_the_sum_over_its_labels_of_one_through_their_clips():
    by_hand = np.array([1 / 4, 1 / 4, 1 / 4 + 1 / 2, 1 / 2, 1 / 4 + 1, 0])
    np.testing.assert_allclose(balancing(LABELS), by_hand / by_hand.sum(), rtol=1e-12)


@given(labels=multi_hot(), floor=st.sampled_from([0.0, 0.01]))
def test_weights_are_those_of_algorithm_1_and_of_the_published_code(labels, floor):
    assume(labels.any())
    counts = [sum(clip[k] for clip in labels.tolist()) for k in range(labels.shape[1])]
    weights = []
    for clip in labels.tolist():
        weight = 0.0
        for k, has in enumerate(clip):
            if has:
                weight += 1000 / (counts[k] + floor)
        weights.append(weight)
    found = balancing(labels, floor)
    np.testing.assert_allclose(found, np.array(weights) / sum(weights), rtol=1e-9)
    assert found.sum() == pytest.approx(1)


@given(labels=multi_hot(), order=st.randoms(use_true_random=False))
def test_weights_follow_the_clips_and_the_order_of_classes_does_not_matter(labels, order):
    assume(labels.any())
    clips, classes = list(range(labels.shape[0])), list(range(labels.shape[1]))
    order.shuffle(clips)
    order.shuffle(classes)
    moved = balancing(labels[clips][:, classes])
    np.testing.assert_allclose(moved, balancing(labels)[clips], rtol=1e-9)


@given(labels=multi_hot())
def test_with_one_label_a_clip_every_class_is_as_likely(labels):
    alone = np.eye(labels.shape[1], dtype=np.uint8)[labels.argmax(axis=1)]
    each = balancing(alone) @ alone
    there = alone.any(axis=0)
    np.testing.assert_allclose(each[there], 1 / there.sum(), rtol=1e-9)


@given(
    labels=multi_hot(),
    batch=st.integers(2, 9),
    processes=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_an_epoch_is_as_many_draws_as_clips_a_function_of_seed_and_epoch(
    labels, batch, processes, seed
):
    assume(labels.any() and len(labels) >= 2 * processes and batch >= processes)
    draw = partial(balanced, chances=balancing(labels))
    order = BatchOrder(len(labels), batch, seed, processes=processes, draw=draw)
    steps = range(3 * order.steps_per_epoch)
    forwards = [order.positions(step).tolist() for step in steps]
    anew = BatchOrder(len(labels), batch, seed, draw=draw, processes=processes)
    assert forwards[::-1] == [anew.positions(step).tolist() for step in reversed(steps)]
    drawn = [position for step in forwards for position in step]
    assert all(labels[position].any() for position in drawn)
    left_out = 3 * len(labels) - len(drawn)
    assert left_out < 3 * max(2, processes)
    for step in steps:
        shares = [order.share(step, rank)[0] for rank in range(processes)]
        assert np.concatenate(shares).tolist() == forwards[step]


def test_clips_are_drawn_as_often_as_they_weigh():
    chances = balancing(LABELS)
    rng = np.random.default_rng(1)
    times = sum(np.bincount(balanced(6, rng, chances), minlength=6) for _ in range(20000))
    np.testing.assert_allclose(times / 120000, chances, atol=0.005)


def skewed(clips=400, classes=8):
    """Clips of a few classes each, of which the k-th is rarer the larger k is."""
    rng = np.random.default_rng(0)
    labels = (rng.random((clips, classes)) < 0.9 ** np.arange(1, classes + 1) ** 2).astype(np.uint8)
    labels[~labels.any(axis=1), 0] = 1
    return labels


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_the_unseen_share_falls_as_it_is_expected_to_and_as_a_loop_finds(rate):
    labels = skewed()
    chances = balancing(labels)
    found = np.mean(
        [
            unseen_share(labels, partial(balanced, chances=chances), 6, seed, rate)
            for seed in range(40)
        ],
        axis=0,
    )
    np.testing.assert_allclose(found, expected_unseen_share(chances, 6, rate), atol=0.004)
    rng = np.random.default_rng(3)
    loops = []
    for _ in range(20):
        seen = set()
        for _ in range(400):
            seen.add(int(np.searchsorted(np.cumsum(chances), rng.random())))
            if rng.random() < rate:
                seen.add(int(rng.integers(400)))
        loops.append(1 - len(seen) / 400)
    assert found[0] == pytest.approx(np.mean(loops), abs=0.015)


def test_a_shuffle_shows_every_clip_and_each_class_as_often_as_it_is_there():
    labels = skewed()
    assert unseen_share(labels, shuffled, 3, 1).tolist() == [0, 0, 0]
    np.testing.assert_array_equal(class_frequency(labels, shuffled, 3, 1), 3 * labels.sum(axis=0))


def test_classes_are_drawn_as_often_as_expected_and_more_evenly_than_they_are():
    labels = skewed()
    chances = balancing(labels)
    found = class_frequency(labels, partial(balanced, chances=chances), 50, 1)
    expected = expected_class_frequency(labels, chances, 50)
    by_hand = [
        50 * len(labels) * sum(p for p, clip in zip(chances, labels, strict=True) if clip[k])
        for k in range(labels.shape[1])
    ]
    np.testing.assert_allclose(expected, by_hand)
    np.testing.assert_allclose(found, expected, rtol=0.1)
    there = labels.sum(axis=0)
    assert found.max() / found.min() < there.max() / there.min() / 2


def test_the_simulation_draws_what_a_training_draws():
    labels = skewed()
    draw = partial(balanced, chances=balancing(labels))
    order = BatchOrder(len(labels), 10, 7, draw=draw)
    drawn = np.concatenate([order.positions(step) for step in range(2 * order.steps_per_epoch)])
    times = labels[drawn].sum(axis=0)
    np.testing.assert_array_equal(class_frequency(labels, draw, 2, 7), times)
    assert unseen_share(labels, draw, 2, 7)[1] == pytest.approx(1 - len(set(drawn)) / len(labels))

"""Fold numbers, and folds dealt where a dataset has none."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.folds import deal_folds, fold_numbers, never_trained, share_out, wording


@pytest.mark.parametrize(
    ("folds", "numbers", "words"),
    [
        (0, [], "none"),
        (1, [1], "1"),
        (5, [1, 2, 3, 4, 5], "1 to 5"),
        ([10, 1, 2, 3], [1, 2, 3, 10], "1, 2, 3, 10"),
    ],
)
def test_a_count_or_a_list(folds, numbers, words):
    assert fold_numbers(folds) == numbers
    assert wording(numbers) == words


items = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["dog", "cat"])), min_size=1, max_size=40
)


@given(items, st.sampled_from([[1, 2], [1, 2, 3, 10]]), st.integers(0, 3), st.randoms())
def test_a_group_stays_together_whatever_the_order(items, numbers, seed, random):
    folds = deal_folds(*zip(*items, strict=True), numbers, seed)
    assert set(folds) <= set(numbers)
    by_group = {group: fold for (group, _), fold in zip(items, folds, strict=True)}
    assert [by_group[group] for group, _ in items] == folds
    shuffled = random.sample(range(len(items)), len(items))
    again = deal_folds(*zip(*(items[i] for i in shuffled), strict=True), numbers, seed)
    assert again == [folds[i] for i in shuffled]


@given(st.lists(st.sampled_from(["dog", "cat", "car"]), min_size=1, max_size=40), st.integers(2, 5))
def test_classes_are_spread_evenly_over_folds(strata, count):
    numbers = fold_numbers(count)
    folds = deal_folds([f"clip {i}" for i in range(len(strata))], strata, numbers, 7)
    for stratum in set(strata):
        held = Counter(f for f, s in zip(folds, strata, strict=True) if s == stratum)
        sizes = [held[number] for number in numbers]
        assert max(sizes) - min(sizes) <= 1


def test_the_seed_changes_the_deal():
    groups = [f"clip {i}" for i in range(20)]
    deals = {tuple(deal_folds(groups, ["dog"] * 20, [1, 2], seed)) for seed in range(5)}
    assert len(deals) > 1


@given(
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(1, 5), min_size=1), min_size=1),
    st.sampled_from(["none", "next_fold"]),
)
def test_classes_without_training_are_those_that_training_lacks(folds_of, split):
    """Against the folds that a training reads, fold by fold."""
    folds = sorted(set().union(*folds_of.values()))
    expected = {}
    for test in folds:
        training, _ = share_out(folds, test, split)
        for name in sorted(folds_of):
            learned = any(fold in training for fold in folds_of[name])
            if test in folds_of[name] and not learned:
                expected.setdefault(name, []).append(test)
    assert never_trained(folds_of, folds, split) == expected

"""Cross-validation folds: their numbers, and their making where a dataset comes without any."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set

from vipann.seeds import derive_seed


def fold_numbers(folds: int | Sequence[int]) -> list[int]:
    """Fold numbers of the config's `folds`: a count n stands for 1..n, a list for itself."""
    return list(range(1, folds + 1)) if isinstance(folds, int) else sorted(folds)


def share_out(folds: Sequence[int], test: int, split: str) -> tuple[list[int], int | None]:
    """Of a network tested on fold `test`: the folds that train it, and the one that validates it.

    folds: ascending. With `split` none all others train; with next_fold the one after `test` (after
    the last comes the first) validates.
    """
    after = folds[(folds.index(test) + 1) % len(folds)]
    left_out = after if split == "next_fold" else None
    return [fold for fold in folds if fold not in (test, left_out)], left_out


def never_trained(
    folds_of: Mapping[str, Set[int]],
    folds: Sequence[int],
    split: str,
    tested: Collection[int] | None = None,
) -> dict[str, list[int]]:
    """By class, the folds that test it though no fold that trains for them holds it.

    `folds_of`: the folds of each class; `folds` and `split` as of `share_out`; `tested`: the folds
    that networks are tested on, None for all. Classes of which all these are sound are left out. On
    such a fold a class is never recognised, whatever the network.
    """
    wrong = {
        name: [
            test
            for test in sorted(own if tested is None else own & set(tested))
            if own.isdisjoint(share_out(folds, test, split)[0])
        ]
        for name, own in folds_of.items()
    }
    return {name: tested for name, tested in wrong.items() if tested}


def wording(numbers: Sequence[int]) -> str:
    """Fold numbers as a message names them: "1 to 5", or "1, 2, 3, 10"."""
    if len(numbers) > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers)) or "none"


def deal_folds(
    groups: Sequence[str], strata: Sequence[str], numbers: Sequence[int], seed: int
) -> list[int]:
    """A fold for every item: stratified, and never two folds within a group.

    `groups` and `strata` name each item's group (a recording, a speaker, a ship) and stratum (its
    class). Groups are dealt one after the other, the large first, otherwise in an order drawn from
    `seed` and their names, each to the fold that has the fewest items of its strata. With groups
    of one item the folds of a stratum differ by at most one item. The order of the items does not
    matter.
    """
    members: dict[str, Counter[str]] = {}
    for group, stratum in zip(groups, strata, strict=True):
        members.setdefault(group, Counter())[stratum] += 1
    drawn = {group: derive_seed(seed, "folds", group) for group in members}
    order = sorted(members, key=lambda group: (-members[group].total(), drawn[group], group))
    held: dict[int, Counter[str]] = {number: Counter() for number in numbers}
    fold_of = {}
    for group in order:

        def load(number: int, wanted: Counter[str] = members[group]) -> tuple[int, int, int]:
            there = held[number]
            return sum(there[s] * n for s, n in wanted.items()), there.total(), number

        fold_of[group] = min(numbers, key=load)
        held[fold_of[group]].update(members[group])
    return [fold_of[group] for group in groups]

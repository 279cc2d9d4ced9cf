"""Which clips a step sees, alone and among several processes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.errors import UserError
from vipann.training.sampling import BatchOrder


@given(
    clips=st.integers(2, 70),
    batch=st.integers(2, 20),
    mix=st.booleans(),
    processes=st.integers(1, 5),
    epoch=st.integers(0, 3),
)
def test_an_epoch_sees_no_clip_twice_and_misses_at_most_the_rest(
    clips, batch, mix, processes, epoch
):
    size = min(2 * batch if mix else batch, clips - clips % 2)
    if size < (2 * processes if mix else max(2, processes)):
        with pytest.raises(UserError, match="too few"):
            BatchOrder(clips, batch, 1, mix, processes)
        return
    order = BatchOrder(clips, batch, 1, mix, processes)
    seen = []
    for step in range(order.steps_per_epoch * epoch, order.steps_per_epoch * (epoch + 1)):
        assert order.epoch(step) == epoch
        shares, weights = zip(*(order.share(step, r) for r in range(processes)), strict=True)
        whole = order.positions(step)
        np.testing.assert_array_equal(np.concatenate(shares), whole)
        assert len(whole) <= size
        assert all(len(share) >= (2 if mix else 1) for share in shares)
        # Mixup's pairs are neighbours: a share holds whole ones.
        assert not mix or all(len(share) % 2 == 0 for share in shares)
        # The mean over processes of weighted means is the mean over all clips of the step.
        weighted = [w * share.mean() for w, share in zip(weights, shares, strict=True)]
        assert np.mean(weighted) == pytest.approx(whole.mean())
        seen += whole.tolist()
    assert len(set(seen)) == len(seen)
    missed = clips - len(seen)
    assert missed < (size if mix else max(2, processes))


@given(clips=st.integers(8, 60), processes=st.integers(2, 4))
def test_as_many_processes_as_divide_the_batch_see_what_one_sees(clips, processes):
    alone = BatchOrder(clips, 4 * processes, 1, True)
    shared = BatchOrder(clips, 4 * processes, 1, True, min(processes, clips // 2))
    assert alone.steps_per_epoch == shared.steps_per_epoch
    for step in range(2 * alone.steps_per_epoch):
        np.testing.assert_array_equal(alone.positions(step), shared.positions(step))


def test_the_order_does_not_depend_on_where_one_begins_but_on_the_seed_and_the_epoch():
    order = BatchOrder(30, 8, seed=3)
    forwards = [order.positions(step).tolist() for step in range(9)]
    anew = [BatchOrder(30, 8, seed=3).positions(step).tolist() for step in reversed(range(9))]
    assert forwards == anew[::-1]
    assert forwards != [BatchOrder(30, 8, seed=4).positions(step).tolist() for step in range(9)]
    assert forwards[0] != forwards[order.steps_per_epoch]

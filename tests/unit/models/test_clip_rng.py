"""Draws that belong to clips: against published test values, in distribution, and in layout."""

import pytest
import torch
from scipy import stats

from vipann.models import clip_rng
from vipann.models.clip_rng import (
    clip_keys,
    draws_of,
    fill_normal,
    kept,
    normal,
    random_words,
    sample_keys,
)
from vipann.models.dropout import Dropout

CLIPS = [f"clip{i}" for i in range(6)]


def test_splitmix64_gives_its_published_sequence():
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    counter = torch.arange(1, 6) * clip_rng._GOLDEN + 1234567
    assert [int(z) % 2**64 for z in clip_rng._mix(counter)] == expected


def test_a_clip_draws_the_same_in_any_batch_and_others_draw_otherwise():
    keys = clip_keys(3, CLIPS)
    assert torch.equal(keys, clip_keys(3, CLIPS))
    assert not torch.isin(clip_keys(4, CLIPS), keys).any()

    def drawn(keys):
        like = torch.empty(len(keys), 7, 3)
        with draws_of(keys):
            return torch.stack([normal(len(keys), like), normal(len(keys), like)])

    whole, part = drawn(keys), drawn(keys[[4, 2]])
    assert torch.equal(whole[:, [4, 2]], part)
    flat = whole.transpose(0, 1).reshape(12, -1)
    assert len(torch.unique(flat, dim=0)) == 12


def test_normal_draws_are_standard_normal_and_independent():
    keys = sample_keys(clip_keys(0, CLIPS), range(3)).flatten()
    with draws_of(keys):
        first, second = (normal(18, torch.empty(18, 30001)) for _ in range(2))
    assert stats.kstest(first.flatten().numpy(), "norm").pvalue > 1e-3
    correlation = torch.corrcoef(torch.cat([first, second])) - torch.eye(36)
    assert correlation.abs().max() < 5 / 30001**0.5
    within = first[:, :30000].reshape(-1, 2)
    assert torch.corrcoef(within.T)[0, 1].abs() < 5 / len(within) ** 0.5
    halves = first[:, :30000].reshape(18, 2, -1).transpose(0, 1).reshape(2, -1)
    assert torch.corrcoef(halves.square())[0, 1].abs() < 5 / halves.shape[1] ** 0.5


def test_large_draws_are_normal_and_do_not_depend_on_the_threads():
    found, threads = [], torch.get_num_threads()
    for count in (1, 3):
        torch.set_num_threads(count)
        torch.manual_seed(2)
        found.append(torch.empty(3 * clip_rng._BLOCK + 5))
        fill_normal(found[-1])
    torch.set_num_threads(threads)
    assert torch.equal(*found)
    blocks = found[0][: 3 * clip_rng._BLOCK].view(3, -1)
    assert stats.kstest(found[0].numpy(), "norm").pvalue > 1e-3
    assert (torch.corrcoef(blocks) - torch.eye(3)).abs().max() < 5 / clip_rng._BLOCK**0.5


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_dropout_keeps_its_rate_in_the_inputs_layout(p):
    x = torch.ones(6, 8, 50, 40).contiguous(memory_format=torch.channels_last)
    layer = Dropout(p).eval()
    layer.monte_carlo = True
    with draws_of(clip_keys(1, CLIPS)):
        out = layer(x)
        again = layer(x)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(out, again)
    torch.testing.assert_close(out.unique(), torch.tensor([0, 1 / (1 - p)]))
    assert abs((out > 0).double().mean() - (1 - p)) < 5 * (p * (1 - p) / out.numel()) ** 0.5
    with draws_of(clip_keys(1, CLIPS)):
        assert torch.equal(kept(p, x[:]).contiguous(), (out > 0).contiguous())


def test_keys_that_do_not_match_the_batch_are_refused():
    with draws_of(clip_keys(1, CLIPS)), pytest.raises(ValueError, match=r"5 clips .* keys for 6"):
        random_words(5, 1, torch.device("cpu"))


def test_outside_of_a_block_torchs_generator_draws():
    torch.manual_seed(1)
    first = random_words(3, 5, torch.device("cpu"))
    torch.manual_seed(1)
    assert torch.equal(first, random_words(3, 5, torch.device("cpu")))
    assert not clip_rng.drawing_for_clips()

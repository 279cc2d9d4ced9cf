"""Random draws that belong to a clip: the same whatever other clips share its batch.

Inside `draws_of(keys)` a network's random layers take what they draw for a clip from that clip's
key only, by SplitMix64 (Steele et al. 2014) over a counter; elsewhere from torch's generator.
"""

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import Tensor

from vipann.seeds import derive_seed

_BLOCK = 2**19
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_MIXERS = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))


class _Stream:
    """One key a clip (K,) int64, and how many draws were made from them."""

    def __init__(self, keys: Tensor) -> None:
        self.keys = keys
        self.draws = 0

    def words(self, count: int) -> Tensor:
        self.draws += 1
        draw = torch.tensor(self.draws, device=self.keys.device)
        starts = _mix(self.keys + draw * _GOLDEN)
        steps = torch.arange(1, count + 1, device=self.keys.device) * _GOLDEN
        return _mix(starts.unsqueeze(1) + steps)


_STREAM: ContextVar[_Stream | None] = ContextVar("stream", default=None)


@contextmanager
def draws_of(keys: Tensor) -> Iterator[None]:
    """Let the random layers of one forward pass draw for clip k from `keys[k]`; (K,) int64."""
    token = _STREAM.set(_Stream(keys))
    try:
        yield
    finally:
        _STREAM.reset(token)


def clip_keys(seed: int, clip_ids: Iterable[str]) -> Tensor:
    """A key for each clip, (N,) int64, from the job's seed and the clip's name."""
    return torch.tensor([derive_seed(seed, "clip", clip_id) for clip_id in clip_ids])


def sample_keys(keys: Tensor, samples: range) -> Tensor:
    """Keys (B,) of clips to keys (S, B) for Monte Carlo samples of the given numbers."""
    numbers = torch.arange(samples.start, samples.stop, device=keys.device) + 1
    return _mix(keys + _mix(numbers * _GOLDEN).unsqueeze(1))


def random_words(clips: int, count: int, device: torch.device) -> Tensor:
    """Independent uniform 64-bit words, (clips, count) int64."""
    stream = _STREAM.get()
    if stream is not None:
        _check(stream, clips)
        return stream.words(count)
    words = torch.empty(clips, count, dtype=torch.int64, device=device)
    return words.random_(-(2**63), None)  # without bounds, the highest bit would always be 0


def normal(clips: int, like: Tensor) -> Tensor:
    """Standard normal draws in the shape of `like`, which holds `clips` clips of equal size."""
    if _STREAM.get() is None:
        return torch.randn_like(like)
    size = like.numel() // clips
    uniform = _uniform(random_words(clips, (size + 1) // 2, like.device))
    radius = uniform[:, 0].log_().mul_(-2).sqrt_()
    angle = uniform[:, 1].mul_(2 * math.pi)
    drawn = torch.cat([radius * angle.cos(), angle.sin_().mul_(radius)], dim=1)
    return drawn[:, :size].to(like.dtype).view(like.shape)


def fill_normal(flat: Tensor) -> None:
    """Fill a tensor of one dimension with standard normal draws, on all threads of a CPU.

    torch's own filling runs on one thread. Blocks with seeds of their own, from torch's generator,
    give the same draws on any number of threads.
    """
    if flat.device.type != "cpu" or len(flat) <= _BLOCK:
        flat.normal_()
        return
    blocks = flat.split(_BLOCK)
    seeds = torch.empty(len(blocks), dtype=torch.int64).random_().tolist()
    list(_workers(torch.get_num_threads()).map(_fill, blocks, seeds))


def _fill(block: Tensor, seed: int) -> None:
    with torch.inference_mode(block.is_inference()):
        block.normal_(generator=torch.Generator().manual_seed(seed))


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def drawing_for_clips() -> bool:
    """Whether a `draws_of` block is active."""
    return _STREAM.get() is not None


def kept(p: float, x: Tensor) -> Tensor:
    """Which elements of `x`, clips first, dropout at rate `p` keeps: bool in the layout of `x`.

    Only inside `draws_of`; leading dimensions up to the number of keys count clips.
    """
    clips = clips_in(x)
    size = x.numel() // clips
    lanes = random_words(clips, (size + 1) // 2, x.device).view(torch.int32)
    return laid_out_as(x, lanes >= round(p * 2**32) - 2**31)


def clips_in(x: Tensor) -> int:
    """How many clips `x` holds in its first dimension or, inside `draws_of`, first dimensions."""
    stream = _STREAM.get()
    return len(x) if stream is None else len(stream.keys)


def laid_out_as(x: Tensor, rows: Tensor) -> Tensor:
    """View `rows`, one row per clip with at least its size, in the shape and layout of `x`."""
    rows = rows[:, : x.numel() // len(rows)]
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        clips, channels, height, width = x.shape
        return rows.view(clips, height, width, channels).permute(0, 3, 1, 2)
    return rows.view(x.shape)


def _uniform(words: Tensor) -> Tensor:
    """Words (K, n) to float32 (K, 2, n) in (0, 1], from 31 bits each."""
    lanes = words.view(torch.int32).view(len(words), -1, 2).transpose(1, 2)
    return lanes.bitwise_and(2**31 - 1).float().add_(0.5).mul_(2.0**-31)


def _mix(z: Tensor) -> Tensor:
    for shift, factor in _MIXERS:
        z = (z ^ _shift_right(z, shift)) * factor
    return z ^ _shift_right(z, 31)


def _shift_right(z: Tensor, bits: int) -> Tensor:
    """Logical shift: torch's own fills up with the sign."""
    return (z >> bits) & (2 ** (64 - bits) - 1)


def _check(stream: _Stream, clips: int) -> None:
    if len(stream.keys) != clips:
        raise ValueError(f"{clips} clips in the batch, but keys for {len(stream.keys)}")

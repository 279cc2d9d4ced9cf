"""Seeds for every random draw, derived from the config's seed and the names of the draw."""

import hashlib

_BITS = 63


def derive_seed(seed: int, *names: object) -> int:
    """Return a seed in [0, 2**63) that depends on `seed` and on each name and its position.

    Two jobs with different wildcards draw independently; the same job draws the same again.
    """
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return value >> (64 - _BITS)

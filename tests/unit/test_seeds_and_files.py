"""Derived seeds, and files that are whole or absent."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.files import digest, replacing
from vipann.seeds import derive_seed

WORDS = st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4)


@given(seed=st.integers(0, 2**40), words=WORDS)
def test_seed_is_repeatable_and_in_range(seed, words):
    assert derive_seed(seed, *words) == derive_seed(seed, *words)
    assert 0 <= derive_seed(seed, *words) < 2**63


def test_seed_depends_on_each_word_and_its_place():
    seeds = [
        derive_seed(1),
        derive_seed(2),
        derive_seed(1, "a", "b"),
        derive_seed(1, "b", "a"),
        derive_seed(1, "ab"),
        derive_seed(1, "a", 1),
        derive_seed(1, "a1"),
    ]
    assert len(set(seeds)) == len(seeds)


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail_halfway():
        with replacing(target) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_success_replaces_and_keeps_the_suffix(tmp_path):
    with replacing(tmp_path / "new" / "out.tar.gz") as beside:
        assert beside.suffix == ".gz"
        beside.write_bytes(b"whole")
    assert digest(tmp_path / "new/out.tar.gz") == hashlib.sha256(b"whole").hexdigest()
    assert digest(tmp_path / "new/out.tar.gz", "md5") == hashlib.md5(b"whole").hexdigest()

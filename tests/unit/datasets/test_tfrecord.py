"""The reader of record files against Google's protobuf library and the definition of the sum."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import crc32c_bit_by_bit, framed, masked, sequence_example

from vipann.datasets.tfrecord import masked_crc32c, read_examples
from vipann.errors import UserError

NAMES = st.text(min_size=1, max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(*(st.lists(v, max_size=5) for v in (st.binary(max_size=9), INTEGERS, FLOATS)))
EXAMPLES = st.tuples(
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(NAMES, st.lists(VALUES, max_size=4), max_size=2),
)


def test_the_checksum_is_crc_32c():
    assert crc32c_bit_by_bit(b"123456789") == 0xE3069283  # the check value in its catalogue
    for data in (b"", b"123456789", bytes(range(256))):
        assert masked_crc32c(data) == masked(data)


@settings(max_examples=40)
@given(st.lists(EXAMPLES, max_size=2))
def test_what_protobuf_writes_is_read(examples):
    file = framed([sequence_example(*example) for example in examples])
    assert [tuple(e) for e in read_examples(io.BytesIO(file), "x")] == examples


@settings(max_examples=40)
@given(st.data())
def test_a_file_that_is_cut_or_changed_anywhere_is_refused(data):
    whole = framed([sequence_example({"video_id": [b"abc"], "labels": [1, 500]}, {})] * 2)
    at = data.draw(st.integers(1, len(whole) - 1))
    if at != len(whole) // 2:  # there the first record ends
        with pytest.raises(UserError, match=r"some\.tfrecord is truncated"):
            list(read_examples(io.BytesIO(whole[:at]), "some.tfrecord"))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UserError, match=r"some\.tfrecord is damaged"):
        list(read_examples(io.BytesIO(bytes(changed)), "some.tfrecord"))


@pytest.mark.parametrize("record", [b"\x0b", b"\x0a\x05\x00", b"\x0a\x80", b"\x0a\x02\x0a\x01"])
def test_a_record_of_something_else_is_named(record):
    with pytest.raises(UserError, match="x: record 1 is no SequenceExample"):
        list(read_examples(io.BytesIO(framed([record])), "x"))

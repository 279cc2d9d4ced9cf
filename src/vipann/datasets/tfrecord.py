"""TensorFlow's record files of SequenceExamples, read without TensorFlow.

A file is a row of records: length (uint64), masked CRC-32C of the length (uint32), the data, masked
CRC-32C of the data; all little endian (tensorflow/core/lib/io/record_writer.h). The data is a
protocol buffer message `SequenceExample` (tensorflow/core/example/example.proto, feature.proto).
"""

import struct
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from vipann.errors import UserError

_POLYNOMIAL = 0x82F63B78
# Wire types; of those of a fixed size with this size in bytes.
_VARINT, _LENGTH, _FIXED = 0, 2, {1: 8, 5: 4}
_BYTES, _FLOATS, _INTEGERS = 1, 2, 3


class SequenceExample(NamedTuple):
    """`context`: values by name. `sequences`: by name, a list of the values of each step."""

    context: dict[str, list[Any]]
    sequences: dict[str, list[list[Any]]]


def read_examples(stream: IO[bytes], name: str) -> Iterator[SequenceExample]:
    """The examples of a record file, called `name` in messages.

    Raises:
        UserError: the file is cut short, a checksum is wrong, or a record is no SequenceExample.
    """
    for number, data in enumerate(_records(stream, name), start=1):
        try:
            yield _sequence_example(data)
        except (IndexError, TypeError, AttributeError, ValueError, struct.error) as error:
            raise UserError(f"{name}: record {number} is no SequenceExample ({error}).") from error


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_crc_of(byte) for byte in range(256)]


def masked_crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), turned right by 15 bits and shifted by a constant, as records have."""
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _records(stream: IO[bytes], name: str) -> Iterator[bytes]:
    while head := stream.read(12):
        length = _checked(head, 8, 12, name)
        size = struct.unpack("<Q", length)[0]
        yield _checked(stream.read(size + 4), size, size + 4, name)


def _checked(part: bytes, size: int, whole: int, name: str) -> bytes:
    """The first `size` bytes of `part`, whose last four are their checksum."""
    if len(part) < whole:
        raise UserError(f"{name} is truncated: a record's end is missing.")
    data = part[:size]
    if masked_crc32c(data) != struct.unpack("<I", part[size:])[0]:
        raise UserError(f"{name} is damaged: a record's checksum is wrong.")
    return data


def _sequence_example(data: bytes) -> SequenceExample:
    context: dict[str, list[Any]] = {}
    sequences: dict[str, list[list[Any]]] = {}
    for field, value in _fields(data):
        for _, entry in _fields(value):
            parts = dict(_fields(entry))
            key = parts.get(1, b"").decode()
            if field == 1:
                context[key] = _feature(parts.get(2, b""))
            elif field == 2:
                sequences[key] = [_feature(step) for _, step in _fields(parts.get(2, b""))]
    return SequenceExample(context, sequences)


def _feature(data: bytes) -> list[Any]:
    """The values of a Feature: bytes, floats or integers."""
    values: list[Any] = []
    for kind, inner in _fields(data):
        for _, value in _fields(inner):
            if kind == _BYTES:
                values.append(value)
            elif kind == _FLOATS:
                values += struct.unpack(f"<{len(value) // 4}f", value)
            elif kind == _INTEGERS:
                numbers = [value] if isinstance(value, int) else _varints(value)
                values += [n - 2**64 if n >= 2**63 else n for n in numbers]
    return values


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value (int of a varint, else bytes) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire not in (_LENGTH, *_FIXED):
            raise ValueError(f"wire type {wire}")
        size, at = _varint(data, at) if wire == _LENGTH else (_FIXED[wire], at)
        if at + size > len(data):
            raise ValueError("a field reaches past its end")
        yield number, data[at : at + size]
        at += size


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that starts at `at`, seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7

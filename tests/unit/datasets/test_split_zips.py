"""Zip archives in parts: those of Info-ZIP where it is installed, and one written byte by byte."""

import random
import shutil
import struct
import subprocess
import zlib

import pytest

from vipann.datasets.archives import place
from vipann.errors import UserError

FILES = {f"set/{n:02d}.bin": random.Random(n).randbytes(700 * n * n) for n in range(20)}


def by_hand(folder, files, cuts):
    """An archive as the format's description has it, cut at `cuts`, with the second end record that
    is written where a member is above 4 GiB."""
    data, directory = bytes([*b"PK", 7, 8]), b""
    bounds = [0, *cuts]

    def place_of(offset):
        part = max(n for n, start in enumerate(bounds) if start <= offset)
        return part, offset - bounds[part]

    for name, content in files.items():
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush()
        sizes = (zlib.crc32(content), len(packed), len(content), len(name), 0)
        head = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 0x21, *sizes)
        part, offset = place_of(len(data))
        directory += b"PK\1\2" + struct.pack("<H", 20) + head
        directory += struct.pack("<HHHLL", 0, part, 0, 0, offset) + name.encode()
        data += b"PK\3\4" + head + name.encode() + packed
    part, offset = place_of(len(data))
    last, count = len(cuts), len(files)
    end = struct.pack("<HHHHLLH", last, part, count, count, len(directory), offset, 0)
    long = (44, 45, 45, last, part, count, count, len(directory), offset)
    record = bytes([*b"PK", 6, 6]) + struct.pack("<QHHLLQQQQ", *long)
    locator = bytes([*b"PK", 6, 7]) + struct.pack("<LQL", last, 0, last + 1)
    whole = data + directory + record + locator + bytes([*b"PK", 5, 6]) + end
    bounds.append(len(whole))
    names = [*(f"a.z{n:02d}" for n in range(1, last + 1)), "a.zip"]
    paths = [folder / name for name in names]
    for path, start, stop in zip(paths, bounds[:-1], bounds[1:], strict=True):
        path.write_bytes(whole[start:stop])
    return paths, len(data)


def found(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.bin")}


def test_members_and_the_directory_may_lie_in_any_part(tmp_path):
    # Once the directory is in the last part, once it is cut.
    _, directory = by_hand(tmp_path, FILES, [])
    for number, cuts in enumerate(([50_000, 300_000], [70_001, 500_000, directory + 30])):
        paths, _ = by_hand(tmp_path, FILES, cuts)
        out = tmp_path / f"out{number}"
        place([paths[-1], *paths[-2::-1]], out)
        assert found(out) == FILES


@pytest.mark.skipif(not shutil.which("zip"), reason="Info-ZIP's zip is not installed")
@pytest.mark.parametrize("options", [[], ["-0"]])
def test_archives_of_info_zip(tmp_path, options):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    subprocess.run(
        ["zip", "-q", "-r", "-s", "128k", *options, "a.zip", "set"], cwd=tmp_path, check=True
    )
    paths = sorted(tmp_path.glob("a.z*"))
    assert len(paths) > 8
    place(paths, tmp_path / "out")
    assert found(tmp_path / "out") == FILES


def test_missing_parts_are_named(tmp_path):
    paths, _ = by_hand(tmp_path, FILES, [100_000, 300_000, 400_000])
    with pytest.raises(UserError, match=r"a\.zip is the last of 4 parts.*missing: a\.z02\."):
        place([paths[0], *paths[2:]], tmp_path / "out")
    with pytest.raises(UserError, match=r"missing: a\.z01, a\.z02, a\.z03\. List all"):
        place(paths[-1:], tmp_path / "out")
    with pytest.raises(UserError, match=r"a\.z01 is a part of a\.zip, which is missing"):
        place(paths[:-1], tmp_path / "out")


def test_a_part_that_is_damaged_is_noticed(tmp_path):
    paths, _ = by_hand(tmp_path, FILES, [100_000, 300_000])
    content = bytearray(paths[1].read_bytes())
    content[1000] ^= 255
    paths[1].write_bytes(content)
    with pytest.raises(UserError, match=r"a\.zip cannot be unpacked"):
        place(paths, tmp_path / "out")

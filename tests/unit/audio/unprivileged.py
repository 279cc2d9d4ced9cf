"""Be somebody whom permissions stop, also where the tests run as root, who may read everything."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Within it this process has no rights but everybody's; it may go into `folder`."""
    if os.geteuid():
        yield
        return
    for parent in [folder, *folder.parents]:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    folder.chmod(0o755)
    group, nobody = os.getegid(), pwd.getpwnam("nobody")
    os.setegid(nobody.pw_gid)
    os.seteuid(nobody.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)

"""Downloads: verified, tried again, gone on with, and never taken for complete when they aren't."""

import hashlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vipann.datasets import download
from vipann.datasets.archives import fetch_archive
from vipann.datasets.download import partial_of, unfinished
from vipann.errors import UserError

SOURCE = Path(__file__).parents[3] / "src"
DATA = np.random.default_rng(0).bytes(2_000_000)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(download, "_PAUSE_S", 0.0)


def entry(server, name="a.zip", data=DATA):
    return {"file": name, "url": f"{server.url}/{name}", "md5": [hashlib.md5(data).hexdigest()]}


def files_in(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_a_download_is_verified_and_renamed(tmp_path, server):
    server.files["/a.zip"] = DATA
    assert server.url in fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert (tmp_path / "a.zip").read_bytes() == DATA
    assert files_in(tmp_path) == [tmp_path / "a.zip"]
    fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert len(server.ranges_asked) == 1, "a verified file was downloaded again"


def test_a_connection_that_breaks_off_is_gone_on_with(tmp_path, server, capsys):
    server.files["/a.zip"] = DATA
    server.breaks_after = 300_000
    fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert (tmp_path / "a.zip").read_bytes() == DATA
    starts = [int(asked[6:-1]) for asked in server.ranges_asked[1:]]
    assert len(starts) >= 6
    assert starts == sorted(set(starts)), "a part was asked for twice"
    assert "trying again after" in capsys.readouterr().out


def test_a_server_without_ranges_sends_all_again(tmp_path, server):
    server.files["/a.zip"] = DATA
    server.supports_ranges, server.breaks_after = False, 300_000
    with pytest.raises(
        UserError, match=r"a\.zip could not be downloaded.*bytes that came are kept"
    ):
        fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert files_in(tmp_path) == [partial_of(tmp_path / "a.zip")]
    server.breaks_after = None
    fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert (tmp_path / "a.zip").read_bytes() == DATA


def test_a_complete_part_only_gets_its_name(tmp_path, server):
    server.files["/a.zip"] = DATA
    partial_of(tmp_path / "a.zip").write_bytes(DATA)
    fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert files_in(tmp_path) == [tmp_path / "a.zip"]
    assert server.ranges_asked == [f"bytes={len(DATA)}-"]


@pytest.mark.parametrize("part", [b"of another file", b"x" * (len(DATA) + 5)])
def test_a_part_that_does_not_fit_is_thrown_away(tmp_path, server, part):
    server.files["/a.zip"] = DATA
    partial_of(tmp_path / "a.zip").write_bytes(part)
    fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert (tmp_path / "a.zip").read_bytes() == DATA
    assert files_in(tmp_path) == [tmp_path / "a.zip"]


def test_a_wrong_sum_leaves_nothing(tmp_path, server):
    server.files["/a.zip"] = b"changed"
    with pytest.raises(UserError) as caught:
        fetch_archive(entry(server, data=b"original"), tmp_path / "a.zip", None)
    for data in (b"original", b"changed"):
        assert hashlib.md5(data).hexdigest() in str(caught.value)
    assert files_in(tmp_path) == []


def test_server_errors_are_tried_again_and_missing_files_are_not(tmp_path, server):
    server.files["/a.zip"] = DATA
    server.failures = 3
    fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert len(server.ranges_asked) == 4
    with pytest.raises(UserError, match="404"):
        fetch_archive(entry(server, "b.zip"), tmp_path / "b.zip", None)
    assert len(server.ranges_asked) == 5
    assert files_in(tmp_path) == [tmp_path / "a.zip"]


def test_a_file_without_a_known_sum_says_so(tmp_path, server):
    server.files["/list.csv"] = b"a,b\n"
    own = {"file": "list.csv", "url": f"{server.url}/list.csv", "unverified": "never published"}
    said = fetch_archive(own, tmp_path / "list.csv", None)
    assert hashlib.sha256(b"a,b\n").hexdigest() in said
    assert "not verified: never published" in said


def test_two_processes_do_not_write_one_file(tmp_path, server):
    server.files["/a.zip"] = DATA
    with unfinished(tmp_path / "a.zip") as held:
        held.write(DATA)
        with pytest.raises(UserError, match="another process"):
            fetch_archive(entry(server), tmp_path / "a.zip", None)
    assert (tmp_path / "a.zip").read_bytes() == DATA


def test_killed_in_the_middle_it_is_not_taken_for_complete_and_goes_on(tmp_path, server):
    server.files["/a.zip"] = DATA
    server.breaks_after, server.hangs_after_part = 1_000_000, True
    target, own = tmp_path / "a.zip", entry(server)
    script = (
        "from pathlib import Path; from vipann.datasets.archives import fetch_archive\n"
        f"fetch_archive({own!r}, Path({str(target)!r}), None)"
    )
    job = subprocess.Popen([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": SOURCE})
    while not (partial_of(target).exists() and partial_of(target).stat().st_size > 500_000):
        assert job.poll() is None
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert files_in(tmp_path) == [partial_of(target)]
    server.breaks_after, server.hangs_after_part = None, False
    server.may_go_on.set()
    fetch_archive(own, target, None)
    assert target.read_bytes() == DATA
    assert int(server.ranges_asked[-1][6:-1]) > 500_000
    assert files_in(tmp_path) == [target]


def test_progress_is_a_bar_on_a_terminal_and_lines_in_a_log(tmp_path, server, capsys):
    server.files["/a.zip"] = DATA
    main, side = pty.openpty()
    with os.fdopen(side, "w") as terminal:
        fetch_archive(entry(server), tmp_path / "a.zip", None, terminal)
        terminal.flush()
        assert b"a.zip: 100%" in os.read(main, 100_000)
    os.close(main)
    capsys.readouterr()
    fetch_archive(entry(server), tmp_path / "b.zip", None)
    said = capsys.readouterr()
    assert "a.zip: 2.0 of 2.0 MB" in said.out
    assert "\r" not in said.out + said.err

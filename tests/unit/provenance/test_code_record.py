"""What a run keeps of its code, and what differs between two of its fingerprints."""

import subprocess

import pytest

from vipann.provenance import code_record
from vipann.provenance.code_record import Code


@pytest.fixture
def checkout(tmp_path):
    """A folder under git, with one commit."""
    (tmp_path / "a.py").write_text("A = 1\n")
    for words in ("init -q", "add .", "-c user.name=A -c user.email=a@b.org commit -qm first"):
        subprocess.run(["git", "-C", tmp_path, *words.split()], check=True)
    return tmp_path


def test_a_fingerprint_keeps_the_commit_at_which_it_was_first_planned(checkout):
    file = checkout / "results/run/code.json"
    first = code_record.keep({"f1": Code("a.py", {"a.f": "1"})}, file, checkout)
    (checkout / "a.py").write_text("A = 2\n")
    code_record.keep(
        {"f1": Code("a.py", {"a.f": "1"}), "f2": Code("a.py", {"a.f": "2"})}, file, checkout
    )
    found = code_record.read(file)
    assert found["f1"] == first["f1"]
    assert found["f2"].commit == f"{found['f1'].commit} with edits"
    assert found["f2"].definitions == {"a.f": "2"}


def test_outside_of_git_there_is_no_commit(tmp_path):
    file = tmp_path / "code.json"
    code_record.keep({"f": Code("a.py", {})}, file, tmp_path)
    assert code_record.read(file)["f"].commit == "no commit"


def test_what_differs_is_named():
    before = Code("a.py", {"a.same": "1", "a.changed": "1", "a.gone": "1"})
    now = Code("a.py", {"a.same": "1", "a.changed": "2", "a.added": "1"})
    assert code_record.differences(before, now) == ["a.added (new)", "a.changed", "a.gone (gone)"]

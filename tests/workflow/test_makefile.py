"""What make says before it sets anything up."""

import os
import shutil
import subprocess

import pytest
from workflow_harness import ROOT

SHOW = "show:\n\t@echo '[$(VIPANN_MIRROR)]'\ncache:\n\t@echo $$XDG_CACHE_HOME\n"


def make(folder, *arguments, **environment):
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "show.mk").write_text(SHOW)
    command = ["make", "-s", "-f", "Makefile", "-f", "show.mk", *arguments]
    unset = {key: value for key, value in os.environ.items() if key != "XDG_CACHE_HOME"}
    return subprocess.run(
        command, cwd=folder, env=unset | environment, capture_output=True, text=True, check=False
    )


def test_a_folder_with_a_space_is_refused_before_the_setup(tmp_path):
    folder = tmp_path / "my repo"
    folder.mkdir()
    done = make(folder, "demo")
    assert done.returncode != 0
    assert "holds a space" in done.stderr
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("/data/my mirror", "/data/my mirror"),
        ("data/../mirror", "{folder}/mirror"),
        ("file:///data/mirror", "file:///data/mirror"),
    ],
)
def test_the_mirror_is_one_path(tmp_path, given, used):
    shown = make(tmp_path, "show", f"MIRROR={given}").stdout
    assert shown == f"[{used.format(folder=tmp_path)}]\n"


def test_a_home_that_cannot_be_written_to_is_not_needed(tmp_path):
    own = tmp_path / "home"
    own.mkdir()
    assert make(tmp_path, "cache", HOME=str(own)).stdout == f"{own}/.cache\n"
    lost = make(tmp_path, "cache", HOME="/proc/nobody").stdout
    assert lost == f"{tmp_path}/.snakemake/cache\n"


def test_windows_is_refused_at_once(tmp_path):
    done = make(tmp_path, "demo", OS="Windows_NT")
    assert done.returncode != 0
    assert "WSL 2" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_macos_is_told_what_is_known(tmp_path):
    (tmp_path / "bin").mkdir()
    for name, line in {"uname": "echo Darwin", "python3.11": "test $1 = -c"}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "requirements.lock").touch()
    done = make(tmp_path, "demo", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert "macOS has not been tried" in done.stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "There is no config/whales.yaml: docs/own-data.md says"),
        ("run: wales\n", "config/whales.yaml must say 'run: whales'"),
    ],
)
def test_what_is_wrong_with_the_config_of_own_data_is_told_before_the_setup(tmp_path, given, words):
    (tmp_path / "config").mkdir()
    if given:
        (tmp_path / "config/whales.yaml").write_text(given)
    done = make(tmp_path, "own", "CONFIG=whales")
    assert done.returncode != 0
    assert words in done.stderr
    assert not (tmp_path / ".venv").exists()

"""The two container recipes are one: the same system, the same set-up, the same command."""

import re
import subprocess
from pathlib import Path

CONTAINERS = Path(__file__).parents[2] / "containers"
DOCKER, APPTAINER = (
    (CONTAINERS / name).read_text(encoding="utf-8") for name in ("Dockerfile", "vipann.def")
)


def found(pattern, text):
    (match,) = re.findall(pattern, text, re.MULTILINE)
    return match


def test_both_start_from_the_same_system():
    assert found(r"^FROM (.+)$", DOCKER) == found(r"^From: (.+)$", APPTAINER)


def test_both_set_up_by_the_same_script_which_is_there_and_sound():
    script = found(r"^RUN sh /opt/vipann/(.+)$", DOCKER)
    assert script == found(r"^    sh /opt/vipann/(.+)$", APPTAINER)
    subprocess.run(["sh", "-n", CONTAINERS.parent / script], check=True)


def test_both_set_the_same_environment_and_run_the_same_workflow():
    assert found(r"^ENV (.+)$", DOCKER) == found(r"^    export (.+)$", APPTAINER)
    docker = " ".join(re.findall(r'"(.+?)"', found(r"^ENTRYPOINT \[(.+)\]$", DOCKER)))
    assert f'{docker} "$@"' == found(r"^    exec (.+)$", APPTAINER)
    snakefile = docker.rpartition("/opt/vipann/")[2]
    assert (CONTAINERS.parent / snakefile).is_file()

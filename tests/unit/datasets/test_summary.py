"""The summary of a dataset, against counts made by hand and by other means."""

import csv
import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from vipann.datasets.manifest import (
    AudioFile,
    clip_row,
    clip_table,
    read_manifest,
    write_manifest,
)
from vipann.datasets.summary import COLUMNS, SUMS_BY_OPTION, write_summary

SCHEMA = Path(__file__).parents[3] / "workflow/schemas/config.schema.yaml"

CLIPS = [
    ("a", ["dog"], 1, "", 3600),
    ("b", ["dog", "cat"], 1, "", 1800),
    ("c", ["cat"], 10, "", 1800),
    ("d", [], 2, "", 900),
    ("e", ["bird | big"], 10, "", 900),
]


@pytest.fixture
def folder(tmp_path):
    rows = [
        clip_row(AudioFile(f"{i}.wav", 10, 10 * s, i * 64), i, labels, 3600, fold=f, split=split)
        for i, labels, f, split, s in CLIPS
    ]
    write_manifest(clip_table(rows, ["dog", "cat", "bird | big"]), tmp_path / "m.parquet")
    (tmp_path / "missing.csv").write_text("clip_id,split,reason\n")
    return tmp_path


def summarise(folder, rejected=None, adapter="folder"):
    paths = (folder / "s.csv", folder / "s.md")
    write_summary("pets", adapter, folder / "m.parquet", folder / "missing.csv", *paths, rejected)
    with paths[0].open() as stream:
        return list(csv.DictReader(stream)), paths[1].read_text()


def test_clips_and_hours_per_class_and_fold(folder):
    rows, page = summarise(folder)
    assert tuple(rows[0]) == COLUMNS
    every = {row["fold"]: (row["clips"], row["hours"]) for row in rows if row["what"] == "all"}
    assert every == {"1": ("2", "1.500000"), "2": ("1", "0.250000"), "10": ("2", "0.750000")}
    expected = Counter((label, str(fold)) for _, labels, fold, _, _ in CLIPS for label in labels)
    counted = [row for row in rows if row["what"] == "class"]
    assert {(row["name"], row["fold"]): int(row["clips"]) for row in counted} == expected
    assert [row["name"] for row in counted] == ["dog", "cat", "cat", "bird | big"]
    assert "5 clips from 5 files, 2.50 hours, 3 classes." in page
    assert "| class | fold 1 | fold 10 | total |" in page
    assert "| cat | 1 | 1 | 2 |" in page
    assert r"| bird \| big | 0 | 1 | 1 |" in page
    assert "Missing" not in page


def test_the_sum_depends_on_the_audio_and_not_on_order_or_place(folder):
    rows, page = summarise(folder)
    text = "".join(sorted(f"{i} {i * 64}\n" for i, *_ in CLIPS))
    assert rows[-1]["name"] == hashlib.sha256(text.encode()).hexdigest()
    assert rows[-1]["name"] in page


def test_without_sums_the_option_is_named_where_the_adapter_has_it(folder):
    frame = [clip_row(AudioFile("x/a.wav", 10, 10, ""), "a", [], 3600)]
    write_manifest(clip_table(frame, []), folder / "m.parquet")
    for adapter, options in yaml.safe_load(SCHEMA.read_text())["$defs"]["options"].items():
        named = "checksums" in options.get("properties", {})
        assert named == (adapter in SUMS_BY_OPTION)
        rows, page = summarise(folder, adapter=adapter)
        assert rows[-1]["name"] == "not computed" + " (options.checksums)" * named
        assert page.rstrip().endswith(rows[-1]["name"])


def test_what_is_missing_and_rejected_is_counted_by_reason(folder):
    gone = "no file in the audio folder"
    broken = "/data/{0}.wav cannot be read as audio: Error opening '/data/{0}.wav'."
    long = "clips/{0}.wav lasts {1}.5 s, its segment 10.0 s: it is not cut"
    lines = [("x1", "train", gone), ("x2", "eval", gone), ("x3", "train", gone)]
    lines += [(i, "train", broken.format(i)) for i in ("y1", "y2")]
    lines += [(f"z{n}", "eval", long.format(f"z{n}", n)) for n in range(12, 15)]
    missing = pd.DataFrame(lines, columns=["clip_id", "split", "reason"])
    missing.to_csv(folder / "missing.csv", index=False)
    rejected = pd.DataFrame({"clip_id": ["a#001"], "path": ["a.wav"], "reason": ["silent"]})
    rejected.to_csv(folder / "rejected.csv", index=False)
    rows, page = summarise(folder, folder / "rejected.csv")
    found = {
        (row["what"], row["name"], row["split"]): int(row["clips"])
        for row in rows
        if row["what"] in ("missing", "rejected")
    }
    assert found == {
        ("missing", gone, "train"): 2,
        ("missing", gone, "eval"): 1,
        ("missing", "the file cannot be read as audio: Error opening the file", "train"): 2,
        ("missing", "the file lasts N s, its segment N s: it is not cut", "eval"): 3,
        ("rejected", "silent", ""): 1,
    }
    assert "## Missing: 8" in page
    assert f"| {gone} | 3 |" in page
    assert "## Rejected: 1" in page


def test_what_the_manifest_warns_of_is_shown_first(folder):
    said = ["2 of 5 files are copies.", "the label 'NA' is a class."]
    rows, page = summarise(folder)
    assert "Warnings" not in page
    table = read_manifest(folder / "m.parquet")
    write_manifest(replace(table, warnings=said), folder / "m.parquet")
    rows, page = summarise(folder)
    assert [row["name"] for row in rows if row["what"] == "warning"] == said
    for sentence in said:
        assert page.index(sentence) < page.index("## Clips")


def test_splits_are_shown_apart(folder):
    audio = AudioFile("a.wav", 10, 10, "a" * 64)
    rows = [clip_row(audio, str(i), ["x"], 9, split="eval" if i > 2 else "train") for i in range(5)]
    write_manifest(clip_table(rows, ["x"]), folder / "m.parquet")
    _, page = summarise(folder)
    assert "| class | eval | train | total |\n| --- | --: | --: | --: |\n| x | 2 | 3 | 5 |" in page

"""The summary of a dataset, against counts made by hand and by other means."""

import csv
import hashlib
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from vipann.audio.probe import AudioFile
from vipann.audio.walk import find_audio
from vipann.datasets.manifest import clip_row, clip_table, read_manifest, write_manifest
from vipann.datasets.summary import COLUMNS, write_summary
from vipann.errors import DataWarning

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


def summarise(folder, rejected=None, adapter="folder", **more):
    paths = (folder / "m.parquet", folder / "missing.csv", folder / "s.csv", folder / "s.md")
    write_summary("pets", adapter, *paths, rejected, **more)
    paths = paths[2:]
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
        assert named == (adapter == "audioset")
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


@pytest.mark.parametrize(
    ("left_out", "what", "title"),
    [("True", "shared", "## Left out"), ("False", "shared, kept", "## Another transfer dataset")],
)
def test_what_other_datasets_hold_is_counted_by_reason(folder, left_out, what, title):
    reasons = [("freesound:7", "train"), ("freesound:7", "eval"), ("freesound:8", "train")] * 2
    lines = [f"c{n},{split},in {name},{left_out}" for n, (name, split) in enumerate(reasons)]
    (folder / "shared.csv").write_text("\n".join(["clip_id,split,reason,left_out", *lines]))
    rows, page = summarise(folder, shared=folder / "shared.csv")
    found = {
        (row["what"], row["name"], row["split"]): int(row["clips"])
        for row in rows
        if row["what"].startswith("shared")
    }
    assert found == {
        (what, "in freesound:7", "train"): 2,
        (what, "in freesound:7", "eval"): 2,
        (what, "in freesound:8", "train"): 2,
    }
    assert title in page
    assert "| in freesound:7 | 4 |" in page


def test_nothing_is_said_of_other_datasets_where_they_hold_nothing(folder):
    (folder / "shared.csv").write_text("clip_id,split,reason,left_out\n")
    assert summarise(folder, shared=folder / "shared.csv") == summarise(folder)


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


def test_reasons_that_differ_in_numbers_only_are_one(folder):
    reasons = [
        "/d/{}.wav is cut short: its header promises {}.000 s, and 1.500 s are there.",
        "/d/{}.wav is far too loud: its largest sample is {}1.5e+03, where full scale is 1.",
        "/d/{}.wav holds more than its header says: 1.0 s, and {}00 bytes (2.0 s) follow.",
        "/d/{}.wav is silent to the network: its level -{} dB re full scale.",
    ]
    lines = [(f"{n}.wav", "", text.format(n, n)) for n in (7, 8) for text in reasons]
    missing = pd.DataFrame(lines, columns=["clip_id", "split", "reason"])
    missing.to_csv(folder / "missing.csv", index=False)
    rows, _ = summarise(folder)
    assert [row["clips"] for row in rows if row["what"] == "missing"] == ["2"] * len(reasons)


def test_skipped_files_are_counted_by_suffix(folder):
    for name in ("a.wav", "b.txt", "c.TXT", "README"):
        (folder / "sounds" / name).parent.mkdir(exist_ok=True)
        (folder / "sounds" / name).write_text("x")
    rows, page = summarise(folder, found=find_audio(folder / "sounds"))
    skipped = {row["name"]: row["clips"] for row in rows if row["what"] == "skipped"}
    assert skipped == {".txt": "2", "without suffix": "1"}
    assert "2 .txt" in page
    assert "Skipped" not in summarise(folder)[1]


def pets(folder, **measures):
    """Four clips a class, cats before dogs, and their measures; each value one clip's."""
    names = [f"{label}{n}" for label in ("cat", "dog") for n in range(4)]
    audio = {name: AudioFile(f"{name}.wav", 10, 20, name) for name in names}
    rows = [clip_row(audio[name], name, [name[:3]], 2) for name in names]
    write_manifest(clip_table(rows, ["cat", "dog"]), folder / "m.parquet")
    usual = {
        "level_db": -20.0,
        "peak": 0.5,
        "quiet_share": 0.0,
        "band_edge_hz": 8000.0,
        "padding_share": 0.0,
        "source_rate": 16000.0,
        "source_seconds": 2.0,
    }
    return pd.DataFrame(usual | measures, index=names)


def test_the_sound_of_each_class_is_reported(folder):
    measures = pets(
        folder,
        source_rate=[16000, 16000, 44100, 16000, 16000, 16000, 16000, 16000],
        band_edge_hz=[4000, 5000, 6000, 8000, 8000, 8000, 8000, 8000],
        quiet_share=[0.95, 0.89, 0, 0, 1, 0, 0, 0],
        level_db=[-20, -79, -20, -20, -20, -92, -20, -20],
        peak=[0.5, 2.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    )
    # A clip that the features refused has no measures.
    with pytest.warns(DataWarning, match="1 clips have samples above 2"):
        rows, page = summarise(folder, measures=measures.drop(index="dog3"))
    assert sum(row["what"] == "warning" for row in rows) == 2
    found = {(row["what"], row["name"], row["hz"]): int(row["clips"]) for row in rows}
    assert found["sample_rate", "cat", "16000"] == 3
    assert found["sample_rate", "cat", "44100"] == 1
    assert found["sample_rate", "dog", "16000"] == 3
    assert found["band_edge median", "cat", "5500"] == 4
    assert found["band_edge lowest", "cat", "4150"] == 4
    assert (found["quiet", "cat", "0"], found["quiet", "dog", "0"]) == (1, 2)
    assert (found["loud", "cat", "0"], found["loud", "dog", "0"]) == (1, 0)
    assert "3 of 7 clips (42.9%)" in page
    assert "hear next to nothing of them (dog1, cat0, dog0)." in page
    assert "1 clips have samples above 2, the largest 2.5" in page
    assert "another range? (cat1)" in page
    assert "tells these classes" not in page
    assert "| cat | 16000, 44100 | 5500 (4150 to 7700) | -20 | 1 | 1 |" in page


@pytest.mark.parametrize(
    ("measures", "told"),
    [
        ({"source_rate": [16000] * 4 + [44100] * 4}, "cat (16000), dog (44100)"),
        ({"source_rate": [16000, 8000] * 2 + [44100] * 4}, "cat (8000, 16000), dog (44100)"),
        ({"band_edge_hz": [3900, 4000] * 2 + [8000] * 4}, "cat (3900 to 4000)"),
        ({"band_edge_hz": [3900, 8000] * 2 + [8000] * 4}, None),
        ({"source_rate": [16000, 44100] * 4}, None),
        ({}, None),
    ],
)
def test_a_rate_or_band_that_gives_the_class_away_is_reported(folder, measures, told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows, page = summarise(folder, measures=pets(folder, **measures))
    assert ("Warning" in page) == (told is not None)
    assert (told or "") in page
    said = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    assert [row["name"] for row in rows if row["what"] == "warning"] == said
    assert [told in text for text in said] == [True] * (told is not None)


def test_features_without_measures_say_nothing_of_sound(folder):
    plain, _ = summarise(folder)
    rows, page = summarise(folder, measures=pd.DataFrame(index=["a", "b"]))
    assert rows == plain
    assert "Sound" not in page

"""Table 2 from planted manifests and features."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from vipann.datasets.manifest import ClipTable, write_manifest
from vipann.papers.vi_pann.tables import table2
from vipann.tables.layout import write_table

# Dataset -> (seconds of each clip, folds, classes, clips without features).
PLANTED = {
    "esc50": ([5.0] * 12, 4, 3, 0),
    "urbansound8k": ([0.3, 4.0, 3.9, 2.0], 2, 2, 0),
    "birds_nz": ([2.5, 2.5, 2.5, np.inf], 2, 2, 1),
}
NAMES = {"esc50": "ESC-50", "urbansound8k": "UrbanSound8K", "birds_nz": None}


def plant(folder, name):
    """Manifest and features of a dataset; the last clips have no features."""
    seconds, folds, classes, without = PLANTED[name]
    names = [f"class{index}" for index in range(classes)]
    ids = [f"clip{index}" for index in range(len(seconds))]
    frame = pd.DataFrame(
        {
            "clip_id": ids,
            "path": [f"{i}.wav" for i in ids],
            "offset_s": 0.0,
            "duration_s": seconds,
            "sample_rate": 8000,
            "fold": np.arange(len(seconds)) % folds + 1,
            "split": "",
            "labels": [[names[index % classes]] for index in range(len(seconds))],
            "sha256": "",
            "recording": ids,
            "sources": [[i] for i in ids],
        }
    )
    manifest, features = folder / f"manifests/{name}.parquet", folder / f"features/{name}.h5"
    write_manifest(ClipTable(frame, names), manifest)
    features.parent.mkdir(exist_ok=True)
    used = len(seconds) - without
    with h5py.File(features, "w") as file:
        file.create_dataset("logmel", (used, 4, 8), np.float16, chunks=(1, 4, 8))
        file["labels"] = np.eye(classes, dtype=np.uint8)[np.arange(used) % classes]
        file["clip_id"] = ids[:used]
        file["fold"] = frame["fold"][:used].to_numpy(np.int16)
        file["split"] = [""] * used
        file["recording"] = ids[:used]
        words = {"task": "multiclass", "padding": "zero", "manifest_sha256": "0" * 64}
        file.attrs.update(words, clip_seconds=5.0, features="{}", classes=json.dumps(names))
    return manifest, features


@pytest.fixture
def planted(tmp_path):
    def of(*names):
        paths = zip(*(plant(tmp_path, n) for n in names), strict=True)
        return dict(zip(("manifests", "features"), map(list, paths), strict=True))

    return of


def written(folder, sources):
    paths = [folder / f"table2.{kind}" for kind in ("csv", "md", "tex")]
    write_table(table2.table(sources, NAMES, NAMES), *paths)
    lines = [line for line in paths[1].read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return pd.read_csv(paths[0]), [rows[0], *rows[2:]], paths[1].read_text(), paths[2].read_text()


def test_counts_are_those_planted_and_differences_from_the_papers(planted):
    table = table2.table(planted(*PLANTED), NAMES, NAMES).frame.set_index(["dataset", "metric"])
    assert list(dict.fromkeys(table.index.get_level_values(0))) == list(PLANTED)
    ours = table["ours"]
    assert ours["esc50"].tolist() == [12, 3, 5.0, 4]
    assert ours["urbansound8k"].tolist() == [4, 2, 4.0, 2]
    # The clip that could not be read is neither counted nor the longest.
    assert ours["birds_nz"].tolist() == [3, 2, 2.5, 2]
    assert table.loc[("birds_nz", "Num Clips"), "left_out"] == 1
    assert table.loc[("esc50", "Num Clips"), "difference"] == 12 - 2000
    assert table.loc[("urbansound8k", "Duration"), ["shortest", "difference"]].tolist() == [0.3, 0]
    assert table.loc["birds_nz"][["paper", "difference"]].isna().all(axis=None)


def test_rows_and_columns_are_the_papers(planted, tmp_path):
    csv, rows, text, tex = written(tmp_path, planted(*PLANTED))
    assert len(csv) == 3 * 4
    three = ("ours", "paper", "difference")
    metrics = ("Num Clips", "Num Classes", "Duration", "Folds")
    assert rows[0] == ["Dataset", *(f"{metric} {kind}" for metric in metrics for kind in three)]
    assert rows[1][:4] == ["ESC-50", "12", "2,000", "-1,988"]
    assert rows[1][7:10] == ["5 s", "5 s", "0"]
    assert rows[2][7:10] == ["≤ 4 s", "4 s", "0"]
    assert rows[3] == ["birds_nz", "3", "–", "–", "2", "–", "–", "2.5 s", "–", "–", "2", "–", "–"]
    assert "birds_nz 1" in text
    assert r"$\le$ 4 s" in tex
    assert "≤" not in tex


def test_without_a_dataset_of_the_papers_there_is_no_word_of_it(planted, tmp_path):
    _, rows, text, tex = written(tmp_path, planted("birds_nz"))
    assert rows == [
        ["Dataset", "Num Clips", "Num Classes", "Duration", "Folds"],
        ["birds_nz", "3", "2", "2.5 s", "2"],
    ]
    assert "paper" not in text + tex

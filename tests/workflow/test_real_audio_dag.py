"""The configuration for real audio, on a few dozen clips of real ESC-10, mixtures and ships."""

import csv
import io
import zipfile

import pandas as pd
import pytest
from workflow_harness import MICRO, ROOT, Workflow

from vipann.config import merge, read_layer
from vipann.files import digest

CLIPS_PER_CLASS_AND_FOLD = 1
FOLDS = (1, 2)


@pytest.fixture(scope="module")
def few_clips(mirror, tmp_path_factory):
    """A mirror with an archive of the official layout that holds some clips of ESC-10."""
    folder = tmp_path_factory.mktemp("mirror")
    with zipfile.ZipFile(mirror / "ESC-10.zip") as source:
        rows = list(csv.DictReader(io.TextIOWrapper(source.open("ESC-50-master/meta/esc50.csv"))))
        table = pd.DataFrame(rows)
        table = table[table["fold"].astype(int).isin(FOLDS)]
        table = table.groupby(["fold", "target"]).head(CLIPS_PER_CLASS_AND_FOLD)
        with zipfile.ZipFile(folder / "ESC-10.zip", "w") as target:
            target.writestr("ESC-50-master/meta/esc50.csv", table.to_csv(index=False))
            for name in table["filename"]:
                member = f"ESC-50-master/audio/{name}"
                target.writestr(member, source.read(member))
    (folder / "UrbanSound8K-mini.tar.gz").symlink_to(mirror / "UrbanSound8K-mini.tar.gz")
    (folder / "deepship").symlink_to(mirror / "deepship")
    return folder


@pytest.fixture(scope="module")
def finished(few_clips, tmp_path_factory, write_config):
    real = merge(*(read_layer(ROOT / f"config/{name}.yaml") for name in ("config", "esc10")))
    used = ("urban_mixtures", "esc10", "deepship")
    config = merge(
        {key: real[key] for key in ("upstream", "transfer_datasets", "ood")},
        {"datasets": {name: real["datasets"][name] for name in used}},
        MICRO,
        {
            "data": {"mirror": str(few_clips)},
            "transfer": {"strategies": ["det_flip"]},
            "scratch": {"strategies": ["det"]},
            "datasets": {
                "urban_mixtures": {"options": {"train_clips": 16, "eval_clips": 12}},
                "esc10": {"folds": len(FOLDS)},
            },
        },
    )
    config["datasets"]["esc10"]["archives"][0]["stand_ins"] = [
        {"file": "ESC-10.zip", "sha256": [digest(few_clips / "ESC-10.zip")]}
    ]
    workflow = Workflow(tmp_path_factory.mktemp("real"))
    workflow(write_config("real", config), "--cores", "2")
    return workflow.directory / "results/micro"


def test_real_clips_reach_the_tables(finished):
    table = pd.read_csv(finished / "tables/table4.csv")
    assert set(table["dataset"]) == {"esc10"}
    assert table["paper"].isna().all()
    assert table["ours"].between(0, 1).all()
    pages = [path.stem for path in (finished / "notebooks").glob("*.html")]
    assert {"pretraining", "out_of_distribution"} < set(pages)


def test_manifest_tells_what_each_clip_is(finished):
    clips = pd.read_parquet(finished / "manifests/esc10.parquet")
    assert len(clips) == 10 * len(FOLDS) * CLIPS_PER_CLASS_AND_FOLD
    assert set(clips["fold"]) == set(FOLDS)
    assert clips["sample_rate"].isin([22050, 44100, 48000]).all()
    assert clips["sha256"].str.len().eq(64).all()


def test_mixtures_keep_train_and_eval_apart(finished):
    mixtures = pd.read_parquet(finished / "manifests/urban_mixtures.parquet")
    assert mixtures["split"].value_counts().to_dict() == {"train": 16, "eval": 12}


def test_ships_are_cut_into_windows_and_scored(finished):
    ships = pd.read_parquet(finished / "manifests/deepship_5s.parquet")
    assert len(ships) > 40
    assert ships["duration_s"].max() <= 5
    uncertainty = pd.read_parquet(finished / "metrics/esc10.uncertainty.parquet")
    scored = uncertainty[uncertainty["scored_dataset"] == "deepship"]
    assert set(scored["clip_id"]) == set(ships["clip_id"])
    longer = pd.read_parquet(finished / "manifests/deepship_10s.parquet")
    assert len(longer) < 0.7 * len(ships)
    upstream = pd.read_parquet(finished / "metrics/urban_mixtures.uncertainty.parquet")
    scored = upstream[upstream["scored_dataset"] == "deepship"]
    assert set(scored["clip_id"]) == set(longer["clip_id"])

"""Fixtures of the feature tests: six real clips and the features extracted from them."""

import zipfile

import pytest
from six_clips import BLOCK, SETTINGS, make_manifest

from vipann.features.extract import extract_features


@pytest.fixture(scope="session")
def audio(mirror, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    with zipfile.ZipFile(mirror / "ESC-10.zip") as packed:
        names = [name for name in packed.namelist() if name.endswith(".ogg")][::70]
        for name in names:
            packed.extract(name, folder)
    return folder


@pytest.fixture(scope="session")
def features(audio, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    rows = make_manifest(audio, folder / "m.parquet")
    extract_features(folder / "m.parquet", audio, BLOCK, SETTINGS, folder / "f.h5", workers=1)
    return folder / "f.h5", rows

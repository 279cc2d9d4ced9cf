"""The adapter in docs/adding-a-dataset.md does what the page says."""

import re
import types
import zipfile
from pathlib import Path

import pytest
import yaml

from vipann.config import check_config, merge, read_layer
from vipann.datasets import building
from vipann.datasets.archives import place
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/adding-a-dataset.md").read_text()


def code(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.fixture
def birdsong(monkeypatch):
    module = types.ModuleType("birdsong")
    exec(code("python"), module.__dict__)
    monkeypatch.setattr(building, "adapter", lambda name: module)
    return module


def test_the_pages_adapter_reads_real_clips(birdsong, mirror, tmp_path):
    block = yaml.safe_load(code("yaml"))["datasets"]["birdsong"]
    clips = sorted((mirror / "odd-formats").glob("*.wav"))[:5]
    lines = [f"{path.name!r},{i % 2},{'ab'[i % 2]},{i + 1}" for i, path in enumerate(clips)]
    text = "\n".join(["file,class_id,class,fold", *lines]).replace("'", '"')
    for fold, what in (("5", None), ("6", r"labels\.csv, line 6: fold 6 is unknown")):
        archive = tmp_path / "birdsong.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("birdsong/labels.csv", text[:-1] + fold)
            for path in clips:
                packed.write(path, f"birdsong/{path.name}")
        folder = tmp_path / f"audio{fold}"
        place([archive], folder)
        if what:
            with pytest.raises(UserError, match=what):
                build_manifest("folder", folder, block, 0, tmp_path / "m.parquet")
        else:
            table = build_manifest("folder", folder, block, 0, tmp_path / "m.parquet")
            assert table.classes == ["a", "b"]
            assert table.frame["fold"].tolist() == [1, 2, 3, 4, 5]


def test_the_readmes_config_for_your_own_data_is_valid(tmp_path):
    section = (ROOT / "README.md").read_text().split("## Your own data")[1]
    own = tmp_path / "mine.yaml"
    own.write_text(re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1])
    files = [ROOT / "config/config.yaml", ROOT / "config/esc10.yaml", own]
    schema = ROOT / "workflow/schemas/config.schema.yaml"
    check_config(merge(*map(read_layer, files)), schema, files)

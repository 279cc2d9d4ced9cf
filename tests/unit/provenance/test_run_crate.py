"""The crate of a finished run, read again by the library that others read it with."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from vipann.config import merge, read_layer
from vipann.provenance import run_crate

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config():
    layers = (read_layer(ROOT / f"config/{name}.yaml") for name in ("config", "own", "laptop"))
    return merge(*layers) | {"captions": {"notes": []}}


@pytest.fixture
def run(tmp_path, config):
    """A folder of results, handed in."""
    files = {
        "tables/table4.csv": "a,b\n1,2\n",
        "checkpoints/esc10/det/fold1/fixed.safetensors": "weights",
        "index.md": "# Results\n",
        "logs/train.log": "done",
        "data/clip.wav": "RIFF",
        ".snakemake/metadata": "none of ours",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    run_crate.hand_in(tmp_path, ROOT, config)
    return tmp_path


def test_it_is_a_workflow_run_crate_with_one_action_that_made_all_results(run):
    crate = ROCrate(run)
    profiles = {entity.id for entity in crate.root_dataset["conformsTo"]}
    assert "https://w3id.org/ro/wfrun/workflow/0.5" in profiles
    assert "ComputationalWorkflow" in crate.mainEntity["@type"]
    assert crate.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    (action,) = crate.get_by_type("CreateAction")
    assert action["instrument"] == crate.mainEntity
    made = {entity.id for entity in action["result"]}
    assert made == {
        "tables/table4.csv",
        "checkpoints/esc10/det/fold1/fixed.safetensors",
        "index.md",
    }
    assert action["startTime"] <= action["endTime"]


def test_every_file_is_there_with_its_size_and_sum(run):
    files = [one for one in ROCrate(run).get_by_type("File") if not one.id.startswith("http")]
    assert len(files) == 5
    for one in files:
        contents = (run / one.id).read_bytes()
        assert one["sha256"] == hashlib.sha256(contents).hexdigest()
        assert one["contentSize"] == str(len(contents))


def test_archives_are_inputs_with_the_sums_that_the_config_gives(run, config):
    (action,) = ROCrate(run).get_by_type("CreateAction")
    inputs = {one["name"]: one for one in action["object"] if one.id.startswith("http")}
    esc10 = config["datasets"]["esc10"]["archives"][0]
    assert inputs["ESC-50-master.zip"].id == esc10["url"]
    assert inputs["ESC-50-master.zip"]["md5"] == esc10["md5"][0]
    ships = config["datasets"]["deepship"]["archives"]
    assert sum(ship["file"] in inputs for ship in ships) == 21
    assert "shipsear" not in json.dumps([one.id for one in inputs.values()])


def test_code_and_config_are_those_of_the_run(run, config):
    assert json.loads((run / "config.json").read_text()) == {
        key: value for key, value in config.items() if key != "captions"
    }
    with zipfile.ZipFile(run / "code.zip") as code:
        names = code.namelist()
        assert code.read("workflow/Snakefile") == (ROOT / "workflow/Snakefile").read_bytes()
    assert "src/vipann/training/loop.py" in names
    assert "requirements.lock" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(".")]


def test_the_same_code_gives_the_same_archive(run, tmp_path, config):
    before = (run / "code.zip").read_bytes()
    run_crate.hand_in(run, ROOT, config)
    assert (run / "code.zip").read_bytes() == before


def test_a_file_too_large_to_sum_stands_with_its_size(run, config, monkeypatch):
    monkeypatch.setattr(run_crate, "_LARGEST_SUMMED", 5)
    run_crate.hand_in(run, ROOT, config)
    weights = ROCrate(run).get("checkpoints/esc10/det/fold1/fixed.safetensors")
    assert weights["contentSize"] == "7"
    assert "sha256" not in weights


def test_its_failure_is_a_line_and_leaves_no_crate_of_before(run, config, monkeypatch, capsys):
    def broken(path):
        raise OSError("no space left")

    monkeypatch.setattr(run_crate, "_sum", broken)
    run_crate.hand_in(run, ROOT, config)
    assert (
        "no ro-crate-metadata.json was written: OSError: no space left" in capsys.readouterr().out
    )
    assert not (run / "ro-crate-metadata.json").exists()
    assert (run / "index.md").exists()

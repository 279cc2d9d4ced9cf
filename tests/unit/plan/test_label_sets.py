"""What `label_sets` plan, and what they are refused for."""

from pathlib import Path

import pytest
import yaml

from vipann.config import check_config, merge, read_layer
from vipann.errors import UserError
from vipann.plan import label_sets
from vipann.plan.datasets import archive_entry, archives_of, manifest_of

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
FILES = [ROOT / "config/config.yaml", ROOT / "config/audioset_vggish.yaml"]
LIST = {"file": "a.csv", "about": "a machine", "split": "eval", "md5": ["0" * 32]}
BLOCKS = {
    "plain": {"teacher": "plain/1"},
    "low": {"teacher": "all", "threshold": 5, "types": ["parent"], "ancestors": "all"},
    "tested": {"teacher": "plain/1", "split": "eval"},
    "voted": {"teacher": "all", "split": "eval"},
    "other": LIST,
}
BELOW = "results/paper/predictions/audioset"


@pytest.fixture
def run(run_of):
    ensembles = {"all": {"members": ["plain/*"]}}
    return run_of(label_sets=BLOCKS, variants={"plain": {}}, seeds=[1], ensembles=ensembles)


def test_each_reads_its_teacher_or_its_list(run):
    assert label_sets.enhanced(run) == ["plain", "low", "tested", "voted"]
    assert label_sets.imported(run) == ["other"]
    inputs = {name: label_sets.label_set_inputs(run, name) for name in BLOCKS}
    assert {name: each.get("predictions") for name, each in inputs.items()} == {
        "plain": f"{BELOW}/train/plain/seed1.h5",
        "low": f"{BELOW}/train/ensembles/all.h5",
        "tested": f"{BELOW}/variants/plain/seed1.h5",
        "voted": f"{BELOW}/ensembles/all.h5",
        "other": None,
    }
    assert inputs["plain"]["ontology"].startswith("data/audioset/archives/")
    assert inputs["plain"]["ontology"].endswith("/ontology.json")
    assert inputs["other"]["relabelled"].startswith("data/label_sets/other/")
    assert inputs["other"]["relabelled"].endswith("/a.csv")
    assert {each["manifest"] for each in inputs.values()} == {manifest_of(run, "audioset")}
    assert label_sets.label_set_entry(run, "other") == {"file": "a.csv", "md5": ["0" * 32]}


def test_the_ontology_is_fetched_and_no_audio(run):
    entry = archive_entry(run, "audioset", "ontology.json")
    assert entry["url"].endswith("/audioset/ontology/master/ontology.json")
    assert not [path for path in archives_of(run, "audioset") if "ontology" in path]


def test_the_settings_of_jobs(run):
    plain, low, other = (label_sets.label_set_settings(run, n) for n in ("plain", "low", "other"))
    kept = {"threshold": "mean", "types": ["child", "parent"], "ancestors": "parent"}
    assert {key: plain[key] for key in kept} == kept
    assert (low["threshold"], low["types"], low["ancestors"]) == (5, ["parent"], "all")
    assert "enhanced by all: parent labels, 5th percentile" in low["about"]
    assert (other["about"], other["split"], "threshold" in other) == ("a machine", "eval", False)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"teacher": "mixup/1"}, r"label_sets\.x\.teacher: 'mixup/1' is no network.*known: none"),
        ({"teacher": "all"}, r"label_sets\.x\.teacher: 'all' is no network"),
        ({"teacher": "p/1", "threshold": "median"}, r"label_sets\.x\.threshold: 'median' is not"),
        ({"teacher": "p/1", "types": []}, r"label_sets\.x\.types: \[\]"),
        ({"teacher": "p/1", "limit": 5}, r"label_sets\.x\.limit: unknown key; allowed here: about"),
        ({"split": "eval"}, r"label_sets\.x: needs either `teacher` or `file`"),
        (LIST | {"teacher": "p/1"}, r"label_sets\.x: needs either `teacher` or `file`"),
        ({"file": "a.csv"}, r"label_sets\.x: needs `about`"),
        (LIST | {"threshold": 5}, r"label_sets\.x\.threshold: goes with `teacher`"),
    ],
)
def test_faults_name_file_and_key(tmp_path, override, message):
    own = tmp_path / "mine.yaml"
    own.write_text(yaml.safe_dump({"label_sets": {"x": override}}))
    files = [*FILES, own]
    with pytest.raises(UserError, match=rf"mine\.yaml: {message}"):
        check_config(merge(*map(read_layer, files)), SCHEMA, files)


def test_a_teacher_of_the_run_is_accepted_unless_it_learns_the_set(tmp_path):
    from vipann.datasets.label_set_blocks import label_set_faults

    config = merge(*map(read_layer, FILES), {"variants": {"p": {}}, "seeds": [1, 2]})
    config |= {"ensembles": {"all": {"members": ["p/*"]}}}
    for teacher in ("p/2", "all"):
        assert not list(label_set_faults(config | {"label_sets": {"x": {"teacher": teacher}}}))
    (key, text), *_ = label_set_faults(config | {"label_sets": {"x": {"teacher": "p/3"}}})
    assert (key, "known: p/1, p/2, all" in text) == ("label_sets.x.teacher", True)
    config["label_sets"] = {"x": {"teacher": "p/1"}}
    for changes in (
        {"variants": {"p": {"pretrain": {"label_set": "x"}}}},
        {"pretrain": {"label_set": "x"}},
    ):
        assert list(label_set_faults(merge(config, changes))) == [
            ("label_sets.x.teacher", "'p/1' itself learns the labels of 'x'")
        ]
    del config["datasets"]["audioset_vggish"]["ontology"]
    assert [key for key, _ in label_set_faults(config)] == ["label_sets.x"]
    assert next(label_set_faults(config | {"upstream": None}))[0] == "label_sets.x"

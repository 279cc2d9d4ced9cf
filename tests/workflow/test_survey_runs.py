"""The target `survey`: from finished networks and a folder of recordings to windows."""

import json
import sys

import pytest
from workflow_harness import ROOT, SYNTHETIC, Workflow

from vipann.config import merge
from vipann.survey.windows import read_survey

sys.path.append(str(ROOT / "tests/unit/survey"))
from finished_run import make_run, noise, write_wav

# The networks are there, without the training and the data that made them.
ARGUMENTS = (
    *("--cores", "2", "--rerun-triggers", "mtime", "params"),
    *("--allowed-rules", "export_model", "survey_part", "survey_results", "survey", "--", "survey"),
)
BLOCK = {
    "dataset": "synthetic_scenes",
    "phase": "fixed",
    "strategies": ["det_flip"],
    "hop_seconds": 0.5,
    "part_gigabytes": 0.0001,
}


@pytest.fixture
def season(tmp_path):
    folder = tmp_path / "season"
    for n in range(3):
        write_wav(folder / f"{n}.wav", noise(1.5, n))
    return folder


@pytest.fixture
def config_of(write_config, season):
    def config(**changes):
        block = {**BLOCK, "recordings": str(season), **changes}
        return write_config("season", merge(SYNTHETIC, {"ood": None, "survey": block}))

    return config


def test_recordings_are_heard_and_then_the_new_ones_only(tmp_path, season, config_of):
    workflow = Workflow(tmp_path)
    results = tmp_path / "results/micro"
    make_run(results, dataset="synthetic_scenes")
    config = config_of()
    workflow(config, *ARGUMENTS)
    folder = results / "survey/synthetic_scenes/det_flip/fixed"
    assert [path.name for path in sorted((folder / "parts").iterdir())] == ["1.json", "2.json"]
    windows = read_survey(folder).windows
    assert windows["recording"].value_counts().to_dict() == {f"{n}.wav": 2 for n in range(3)}
    card = results / "models/synthetic_scenes/det_flip/fixed/README.md"
    assert "24 clips of 12 recordings" in card.read_text()
    assert "Nothing to be done" in workflow(config, "-n", *ARGUMENTS).stdout
    write_wav(season / "3.wav", noise(1.5, 3))
    said = workflow(config, *ARGUMENTS).stderr
    assert "part 2" in said
    assert "part 1" not in said
    done = json.loads((folder / "parts/2.json").read_text())
    assert (done["recordings"], done["earlier"]) == (1, 1)
    assert len(read_survey(folder).windows) == 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "esc50"}, "survey.dataset: esc50 is none of the datasets"),
        ({"recordings": "nowhere"}, "nowhere does not exist"),
        ({"phase": "pretrained"}, "the run has no networks det_flip pretrained"),
    ],
)
def test_a_survey_that_cannot_be_is_refused_at_the_plan(tmp_path, config_of, changes, words):
    refused = Workflow(tmp_path)(config_of(**changes), "-n", "survey", check=False)
    assert refused.returncode
    assert words in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr

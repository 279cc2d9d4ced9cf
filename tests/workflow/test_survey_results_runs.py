"""The target `survey` to its end: events, counts and a review that a person adds labels to."""

import sys

import pandas as pd
from workflow_harness import ROOT, SYNTHETIC, Workflow

from vipann.config import merge, read_layer

sys.path.append(str(ROOT / "tests/unit/survey"))
from finished_run import make_run, noise, write_wav

# The networks are there, without the training and the data that made them.
ARGUMENTS = (
    *("--cores", "2", "--rerun-triggers", "mtime", "params", "--allowed-rules"),
    *("export_model", "survey_part", "survey_results", "survey", "--", "survey"),
)
BLOCK = {"dataset": "synthetic_scenes", "phase": "fixed", "strategies": ["det_flip"]}
REVIEW = {"results": {"review": {"clips": 2, "audit": 3}, "thresholds": {"dog": 0.0}}}


def test_labels_of_a_review_are_counted_and_the_review_stays(tmp_path, write_config):
    workflow, results = Workflow(tmp_path), tmp_path / "results/micro"
    make_run(results, dataset="synthetic_scenes")
    for hour in range(2):
        write_wav(tmp_path / f"season/20230115_0{hour}0000.wav", noise(3, hour))
    block = BLOCK | REVIEW | {"recordings": str(tmp_path / "season")}
    config = write_config("season", merge(SYNTHETIC, {"ood": None, "survey": block}))
    said = workflow(config, *ARGUMENTS).stderr
    folder = results / "survey/synthetic_scenes/det_flip/fixed"
    assert "review are in results/micro/survey/synthetic_scenes/det_flip/fixed" in said
    events = pd.read_csv(folder / "events.csv")
    assert events[events["class"] == "dog"]["end_seconds"].tolist() == [3, 3]
    assert pd.read_csv(folder / "counts_per_hour.csv")["start"].nunique() == 2
    windows = pd.read_parquet(folder / "review/windows.parquet")
    assert len(windows) == 5
    page = (folder / "review/review.html").read_bytes()
    assert "Nothing to be done" in workflow(config, "-n", *ARGUMENTS).stdout
    labels = windows[["path"]].assign(label="dog")
    labels.to_csv(folder / "review/labels.csv", index=False)
    said = workflow(config, *ARGUMENTS).stderr
    assert "part 1" not in said
    audit = pd.read_csv(folder / "audit.csv").set_index("class")
    assert (audit.loc["dog", "precision"], audit.loc["dog", "recall"]) == (1, 1)
    assert (folder / "review/review.html").read_bytes() == page


def test_own_data_needs_the_users_block_only(tmp_path, write_config):
    for name in ("wren", "robin"):
        for number in range(4):
            write_wav(tmp_path / f"birds/{name}/{number}.wav", noise(1, number))
    options = {"path": str(tmp_path / "birds")}
    birds = {"adapter": "folder", "task": "multiclass", "clip_seconds": 1.0, "padding": "repeat"}
    mine = {
        "run": "mine",
        "transfer_datasets": ["birds"],
        "datasets": {"birds": birds | {"folds": 2, "options": options}},
    }
    own = read_layer(ROOT / "config/own.yaml")
    said = Workflow(tmp_path)(write_config("mine", merge(own, mine)), "-n").stdout
    # Of what there is no data for, nothing is planned.
    for absent in ("ood", "out_of_distribution", "audioset", "scratch", "/none"):
        assert absent not in said.lower()
    assert "transfer birds det_flip fold 2 finetuned" in said
    assert "figure retention_birds" in said

"""The whole DAG on a micro configuration of the synthetic data, and what it leaves behind."""

import copy
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from rocrate.rocrate import ROCrate
from sklearn.metrics import average_precision_score
from workflow_harness import SYNTHETIC

from vipann.config import merge

STRATEGIES = ("det", "drop", "det_flip", "flip")


def planned_jobs(workflow, config, *arguments):
    output = workflow(config, "-n", "--quiet", "rules", *arguments).stdout
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit() and w[0] != "total"}


def test_everything_that_was_promised_is_there(finished):
    _, _, results = finished
    expected = [
        *(
            f"tables/table{n}.{kind}"
            for n in ("1", "1_variants", "1_parts", "2", "3", "4", "5")
            for kind in ("csv", "md", "tex")
        ),
        *(
            f"figures/{figure}.{kind}"
            for figure in (
                "retention_synthetic_events",
                "boxplot_synthetic_events",
                "retention_synthetic_scenes",
                "phases_synthetic_scenes",
                "boxplot_synthetic_scenes",
                "reliability_synthetic_events",
                "reliability_synthetic_scenes",
                "confusion_synthetic_scenes",
            )
            for kind in ("png", "pdf", "svg", "csv")
        ),
        *(
            f"tables/{name}.{kind}"
            for name in ("claims", "calibration", "ood", "per_class")
            for kind in ("csv", "md", "tex")
        ),
        *(
            f"notebooks/{notebook}.{kind}"
            for notebook in (
                "pretraining",
                "transfer_synthetic_scenes",
                "out_of_distribution",
                "claims",
            )
            for kind in ("ipynb", "html")
        ),
        "index.md",
        "index.html",
        "report.html",
    ]
    assert not [name for name in expected if not (results / name).stat().st_size]


def test_a_second_run_has_nothing_to_do(finished):
    workflow, config, _ = finished
    assert planned_jobs(workflow, config) == {}


def test_every_fold_strategy_and_phase_is_evaluated(finished):
    _, _, results = finished
    metrics = pd.read_parquet(results / "metrics/synthetic_scenes.metrics.parquet")
    accuracy = metrics[metrics["metric"] == "accuracy"]
    found = set(accuracy[["strategy", "phase", "fold"]].itertuples(index=False, name=None))
    assert found == {
        (strategy, phase, fold)
        for strategy in STRATEGIES
        for phase in ("fixed", "finetuned", "scratch")
        for fold in (1, 2)
    }


def test_table_4_and_5_can_be_recomputed_from_the_predictions(finished):
    _, _, results = finished
    for number in (4, 5):
        table = pd.read_csv(results / f"tables/table{number}.csv")
        assert len(table) == (8 if number == 4 else 4)
        assert table["paper"].isna().all()
        for row in table.itertuples():
            accuracies = []
            for fold in (1, 2):
                path = f"predictions/synthetic_scenes/{row.strategy}/fold{fold}/{row.phase}.h5"
                with h5py.File(results / path) as file:
                    guesses = file["mean_probability"][:].argmax(-1)
                    truth = file["labels"][:].argmax(-1)
                    accuracies.append((guesses == truth).mean())
            assert row.ours == pytest.approx(np.mean(accuracies), abs=1e-9)
            error = np.std(accuracies, ddof=1) / np.sqrt(2)
            assert row.standard_error == pytest.approx(error, abs=1e-9)


def test_table_3_can_be_recomputed_from_the_predictions(finished):
    _, _, results = finished
    table = pd.read_csv(results / "tables/table3.csv")
    for row in table[table["metric"] == "mAP"].itertuples():
        with h5py.File(
            results / f"predictions/synthetic_events/{row.strategy}/pretrained.h5"
        ) as file:
            labels = file["labels"][:]
            present = labels.any(axis=0)
            scores = [
                average_precision_score(labels[:, present], p[:, present], average="macro")
                for p in file["mean_probability"][:]
            ]
        assert row.ours == pytest.approx(np.mean(scores), abs=1e-6)


def test_claims_are_judged_on_the_runs_dataset(finished):
    _, _, results = finished
    claims = pd.read_csv(results / "tables/claims.csv").set_index("claim")
    tuned = claims.loc["finetuned_above_fixed"]
    table = pd.read_csv(results / "tables/table4.csv").pivot_table(
        index="strategy", columns="phase", values="ours"
    )
    above = (table["finetuned"] > table["fixed"]).all()
    assert tuned["verdict"] == ("holds" if above else "does not hold")
    assert tuned["dataset"] == "synthetic_scenes"
    assert claims.loc["flip_doubles_parameters", "verdict"] == "holds"


def test_detection_can_be_recomputed_from_the_predictions(finished):
    _, _, results = finished
    table = pd.read_csv(results / "tables/ood.csv").set_index(["strategy", "phase", "metric"])
    areas = []
    for fold in (1, 2):
        path = f"synthetic_scenes/drop/fold{fold}/finetuned.h5"
        with h5py.File(results / f"predictions/{path}") as own:
            inside = own["total"][:]
        with h5py.File(results / f"ood/{path}") as other:
            outside = other["total"][:]
        gaps = outside[:, :, None] - inside[:, None, :]
        areas.append(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
    found = table.loc[("drop", "finetuned", "auroc_total"), "value"]
    assert found == pytest.approx(np.mean(areas))


def test_table_1_is_the_papers_whatever_the_run(finished):
    _, _, results = finished
    table = pd.read_csv(results / "tables/table1.csv")
    assert len(table) == 18
    assert (table["difference"] == 0).all()


def test_table_2_counts_the_manifest(finished):
    _, _, results = finished
    table = pd.read_csv(results / "tables/table2.csv").set_index("metric")
    manifest = pd.read_parquet(results / "manifests/synthetic_scenes.parquet")
    counts = [len(manifest), 4, manifest["duration_s"].max(), manifest["fold"].nunique()]
    assert table["ours"].tolist() == counts
    assert table[["paper", "difference"]].isna().all(axis=None)


def test_training_and_test_clips_never_mix(finished):
    _, _, results = finished
    manifest = pd.read_parquet(results / "manifests/synthetic_scenes.parquet").set_index("clip_id")
    for fold in (1, 2):
        path = results / f"predictions/synthetic_scenes/det/fold{fold}/finetuned.h5"
        with h5py.File(path) as file:
            clips = [clip.decode() for clip in file["clip_id"][:]]
        assert set(manifest.loc[clips, "fold"]) == {fold}
        assert len(clips) == (manifest["fold"] == fold).sum()


def test_out_of_distribution_clips_are_scored_by_every_transferred_network(finished):
    _, _, results = finished
    files = list((results / "ood/synthetic_scenes").glob("*/fold*/*.h5"))
    assert len(files) == 4 * 2 * 2
    for path in files:
        with h5py.File(path) as file:
            assert file.attrs["scored_dataset"] == "synthetic_ships"
            assert len(file["clip_id"]) >= 2


def test_no_report_states_settings_that_the_results_are_not_of(finished, tmp_path):
    workflow, config, results = finished
    before = (results / "report.html").read_bytes()
    edited = tmp_path / "edited.yaml"
    text = config.read_text().replace("mc_samples:", "mc_samples: 7 #")
    assert text != config.read_text()
    edited.write_text(text)
    found = workflow(edited, "--report", "results/micro/report.html", check=False)
    assert found.returncode
    assert "made with another config" in found.stderr
    assert (results / "report.html").read_bytes() == before


def test_the_report_opens_without_a_network(finished):
    _, _, results = finished
    text = (results / "report.html").read_text()
    assert "<script" in text
    assert 'src="http' not in text
    assert "retention" in text
    for label in ("Like Figure 1", "Like Figures 3, 6, 9", "Like Figures 5, 8, 11", "Table 2"):
        assert label in text


def test_a_checkpoint_says_where_it_comes_from(finished):
    _, _, results = finished
    sidecar = results / "checkpoints/synthetic_scenes/det_flip/fold2/finetuned.json"
    facts = json.loads(sidecar.read_text())
    assert (facts["strategy"], facts["phase"], facts["fold"]) == ("det_flip", "finetuned", 2)
    assert facts["settings"]["training"]["learning_rate"] == 0.0001
    assert len(facts["settings"]["code"]) == 16


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"figures": {"font_size": 11}},
            {"figure": 9, "claims": 0, "notebook": 3, "index": 1, "all": 1},
        ),
        ({"evaluation": {"calibration_bins": 7}}, {"predict": 0, "metrics": 2, "claims": 1}),
        ({"accelerator": "auto"}, {}),
        ({"scratch": {"learning_rate": 0.5}}, {"scratch": 8, "predict": 8, "metrics": 1}),
        (
            {"transfer": {"finetuned": {"learning_rate": 0.5}}},
            {"transfer": 8, "predict": 8, "ood": 8, "metrics": 1},
        ),
    ],
)
def test_a_changed_setting_reruns_what_depends_on_it(finished, write_config, change, expected):
    workflow, _, _ = finished
    config = write_config("changed", merge(copy.deepcopy(SYNTHETIC), change))
    planned = planned_jobs(workflow, config)
    assert {rule: planned.get(rule, 0) for rule in expected} == expected
    upstream = {"audio", "manifest", "features", "pretrain", "moped", "predict_upstream"}
    assert not upstream & planned.keys()


def test_the_run_hands_in_a_crate_of_all_it_made(finished):
    _, _, results = finished
    crate = ROCrate(results)
    (action,) = crate.get_by_type("CreateAction")
    made = {entity.id for entity in action["result"]}
    assert {"index.html", "tables/claims.csv", "metrics/synthetic_scenes.metrics.parquet"} <= made
    assert (results / "code.zip").stat().st_size < 2_000_000

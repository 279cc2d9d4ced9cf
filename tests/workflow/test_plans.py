"""What Snakemake plans, and how it refuses, without running a job."""

import copy
import os

import pytest
from documented import UPDATING, read_rows, write_rows
from workflow_harness import MICRO, ROOT, Workflow

from vipann.config import merge, read_layer
from vipann.plan.datasets import file_key


@pytest.fixture
def workflow(tmp_path):
    return Workflow(tmp_path)


def jobs(output):
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit()}


@pytest.fixture(scope="module")
def paper_jobs(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("paper"))
    return jobs(workflow(None, "-n", "--quiet", "rules").stdout)


def test_the_document_of_the_plan_is_up_to_date(paper_jobs):
    rows = {rule: str(count) for rule, count in paper_jobs.items()}
    document = ROOT / "docs/plan.md"
    if UPDATING:
        write_rows(document, ("rule", "jobs"), rows)
    assert read_rows(document) == rows, "docs/plan.md says otherwise; see docs/reruns.md"


def test_the_papers_dag_is_built_without_its_data(paper_jobs):
    planned = paper_jobs
    folds, strategies = 5 + 10 + 5, 4
    assert planned["transfer"] == folds * strategies * 2
    assert planned["scratch"] == folds * strategies
    assert planned["predict"] == folds * strategies * 3
    assert planned["ood"] == folds * strategies * 2
    assert planned["pretrain"] == planned["predict_upstream"] == planned["ood_upstream"] == 3
    assert planned["download"] == 4 + 3
    # ShipsEar once for each length of the networks' clips: 5, 10 and 30 s.
    assert planned["audio"] == 5
    assert planned["manifest"] == planned["audio"] + 2
    assert planned["features"] == 4 + 2
    assert planned["features_shard"] == 32
    assert planned["join_features"] == 1
    assert "fetch" not in planned
    assert planned["complexity"] == 1
    # The paper's five, variants and parts of the first, and four that it does not have.
    assert planned["table"] == 5 + 2 + 4
    # The paper's: three for each dataset of transfer, two for AudioSet; reliability and confusion;
    # learning curves.
    assert planned["figure"] == 11 + (4 + 3) + 1
    assert planned["metrics"] == 4
    assert planned["claims"] == 1


def test_table_1_needs_no_data_and_no_network_of_the_run(workflow, write_config):
    config = write_config("micro", MICRO)
    target = "results/micro/tables/table1.csv"
    planned = jobs(workflow(config, "-n", "--quiet", "rules", "--", target).stdout)
    assert planned == {"complexity": 1, "table": 1, "total": 2}


def test_fetching_is_planned_in_shards(workflow, write_config):
    config = write_config(
        "fetch", {"datasets": {"audioset": {"options": {"fetch": True, "fetch_shards": 7}}}}
    )
    planned = jobs(workflow(config, "-n", "--quiet", "rules").stdout)
    assert planned["fetch"] == 7


def test_a_dataset_on_request_says_so_when_its_job_runs(workflow):
    found = workflow(
        None, "--cores", "1", "results/paper/manifests/shipsear_5s.parquet", check=False
    )
    assert found.returncode != 0
    assert "ShipsEar" in found.stderr
    assert "underwaternoise.atlanttic.uvigo.es" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_bad_config_stops_before_any_job(workflow, write_config):
    config = write_config("bad", {"transfer": {"folds": [6]}})
    found = workflow(config, "-n", check=False)
    assert found.returncode != 0
    said = found.stdout + found.stderr
    assert "bad.yaml: transfer.folds: [6] is out of range; esc50 has folds 1 to 5" in said
    assert "Traceback" not in said


def test_a_name_of_the_users_that_cannot_be_used_is_one_line(workflow, write_config, tmp_path):
    own = tmp_path / "birds"
    own.mkdir()
    os.close(os.open(os.fsencode(own) + b"/zaunk\xf6nig.wav", os.O_CREAT))
    for folder, named in ((own, r"zaunk\xf6nig.wav"), (tmp_path / "x{0}", "x{0}")):
        options = {"shipsear": {"options": {"path": str(folder)}}}
        config = write_config("odd", merge(MICRO, {"datasets": options}))
        refused = workflow(config, "-n", check=False)
        said = refused.stdout + refused.stderr
        assert refused.returncode
        assert any(named in line and "rename" in line for line in said.splitlines())
        assert "Traceback" not in said


def test_a_missing_archive_says_where_it_was_looked_for(workflow, write_config, tmp_path):
    entry = {"file": "nowhere.zip", "md5": ["0" * 32], "how_to_get": "Ask its authors."}
    config = write_config("gone", {"datasets": {"esc50": {"archives": [entry]}}})
    target = f"data/esc50/archives/{file_key(entry)}/nowhere.zip"
    found = workflow(config, "--cores", "1", target, check=False)
    assert found.returncode != 0
    assert "Ask its authors." in found.stderr
    assert not (tmp_path / target).exists()


PUBLISHED = merge(
    read_layer(ROOT / "config/published.yaml"),
    {"transfer_datasets": ["esc50"], "transfer": {"folds": [1]}},
)


def test_published_weights_need_no_audioset_for_the_transfer(workflow, write_config):
    config = write_config("published", PUBLISHED)
    for target in ("results/published/tables/table4.csv", "transferred"):
        output = workflow(config, "-n", "--", target).stdout
        planned = jobs(output)
        assert "audioset" not in output
        assert "pretrain" not in planned
        assert planned["download_weights"] == planned["moped"] == 1
        assert planned["import_weights"] == 3
        assert planned["transfer"] == 4 * 2
        assert planned["features"] == 2
    assert planned["figure"] == 5
    assert planned["table"] == 4


def test_a_run_without_upstream_data_plans_all_but_what_needs_them(workflow, write_config):
    config = write_config(
        "laptop", merge(*(read_layer(ROOT / f"config/{n}.yaml") for n in ("own", "laptop")))
    )
    output = workflow(config, "-n").stdout
    assert "/None" not in output
    notebook = output.partition(": notebook out_of_distribution\n")[2].partition("\n")[0]
    for name in ("esc10", "urbansound8k"):
        assert f"metrics/{name}.metrics.parquet" in notebook
    planned = jobs(output)
    assert "pretrain" not in planned
    assert "predict_upstream" not in planned
    assert planned["import_weights"] == 3
    assert planned["predict"] == (4 * 2 + 4) * (5 + 4)
    assert planned["ood"] == 4 * (5 + 4), "ood_phases names finetuned alone there"
    beyond_the_paper = 8
    assert planned["table"] == 3 + 3 + 4 + beyond_the_paper
    assert planned["claims"] == 2


def test_a_run_without_transfer_plans_the_upstream_evaluation_alone(workflow, write_config):
    config = write_config("vggish", read_layer(ROOT / "config/audioset_vggish.yaml"))
    planned = jobs(workflow(config, "-n").stdout)
    assert planned["pretrain"] == planned["predict_upstream"] == 3
    assert (planned["features"], planned["claims"]) == (1, 2)
    beyond_the_paper = 5
    assert planned["table"] == 3 + 1 + 1 + beyond_the_paper
    assert not planned.keys() & {"transfer", "scratch", "ood", "ood_upstream"}


def test_flip_is_trained_on_audioset_where_steps_are_given(workflow, write_config):
    steps = {"pretrain": {"steps": {"flip": 10}}}
    config = write_config("published", merge(PUBLISHED, steps))
    planned = jobs(workflow(config, "-n", "--", "transferred").stdout)
    assert planned["pretrain"] == planned["moped"] == 1
    assert planned["import_weights"] == 2
    assert planned["features"] == 2
    assert planned["join_features"] == 1


def test_each_upstream_network_may_have_weights_of_its_own(workflow, write_config):
    blocks = {name: {"path": f"weights/{name}.pth"} for name in ("det", "drop", "flip")}
    changes = {"pretrain": {"checkpoints": blocks, "steps": {"flip": 10}}}
    own = copy.deepcopy(PUBLISHED)
    del own["pretrain"]["checkpoints"]
    config = write_config("own", merge(own, changes))
    planned = jobs(workflow(config, "-n", "--", "transferred").stdout)
    assert planned["import_weights"] == 3
    assert not {"pretrain", "moped", "download_weights"} & planned.keys()


def test_weights_that_the_user_has_yet_to_place_are_asked_for(workflow, write_config):
    blocks = {"det": {"path": "weights/det.pth", "how_to_get": "Ask its authors."}}
    config = write_config("gone", {"pretrain": {"source": "checkpoint", "checkpoints": blocks}})
    target = "results/paper/checkpoints/upstream/det.safetensors"
    found = workflow(config, "--cores", "1", target, check=False)
    assert found.returncode != 0
    assert "weights/det.pth is not there. Ask its authors." in found.stderr
    assert "Traceback" not in found.stderr

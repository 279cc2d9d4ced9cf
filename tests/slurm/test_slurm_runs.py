"""`snakemake --profile slurm` on a one-node Slurm: a whole run, and one that everything befalls."""

import re
from collections import Counter

import pytest
from slurm_harness import HERE, Clone, kill, table_of, wait_for

GPU_RULES = {"pretrain", "transfer", "predict_upstream", "predict", "ood_upstream", "ood"}
CPU_RULES = {"manifest", "features", "metrics"}
SHORT_FOR_SHIPS = "1 if attempt == 1 and wildcards.dataset == 'synthetic_ships' else 60"
SCENES = "checkpoints/synthetic_scenes/det_flip/fold1"


@pytest.fixture(scope="module")
def clone(tmp_path_factory, cluster):
    clone = Clone(tmp_path_factory.mktemp("slurm") / "vipann", cluster)
    (clone.directory / "micro.yaml").write_text((HERE / "micro.yaml").read_text())
    return clone


@pytest.fixture(scope="module")
def finished(clone, cluster):
    """The micro run as a user would start it, and the records of its jobs."""
    clone.edit_site("examples/no_accounting.yaml", partition="cpu", gpu_partition="gpu")
    clone.run("--configfile", "micro.yaml")
    return cluster.records()


def test_the_literal_command_ends_complete_on_a_fresh_clone(finished, clone, show):
    show("Jobs of `snakemake --profile slurm`, as Slurm recorded them", table_of(finished))
    assert Counter(record.state for record in finished) == {"COMPLETED": len(finished)}
    results = clone.directory / "results/micro"
    for name in ("tables/table4.csv", "figures/boxplot_synthetic_scenes.png"):
        assert (results / name).stat().st_size
    assert (results / "notebooks/results.html").stat().st_size


def test_tiny_jobs_are_not_sent_to_slurm(finished):
    assert {record.rule for record in finished} == GPU_RULES | CPU_RULES


def test_rules_that_compute_on_a_gpu_were_given_one_and_the_others_none(finished):
    given = {(record.rule, record.gpus_given, record.partition) for record in finished}
    assert given == {(rule, "gpu:fake:1", "gpu") for rule in GPU_RULES} | {
        (rule, "(null)", "cpu") for rule in CPU_RULES
    }


def test_each_job_left_a_log_and_a_benchmark(finished, clone):
    results = clone.directory / "results/micro"
    times = [path for path in (results / "benchmarks").rglob("*.tsv") if path.stat().st_size]
    assert len(times) == len(finished)
    assert len([p for p in (results / "logs").rglob("*.log") if p.stat().st_size]) > len(finished)


@pytest.fixture(scope="module")
def disturbed(clone, cluster):
    """A run of its own in which one job is cancelled, one requeued, two run out of memory, one out
    of time; and halfway Snakemake is killed, so that it is started a second time.

    Returns the records of its jobs and the log of the pretraining that was cut off.
    """
    earlier = len(cluster.records())
    clone.edit_site(
        "examples/gres.yaml",
        account=None,
        partition="cpu",
        gpu_partition="gpu",
        status_command="squeue",
        rules={
            "features": {"mem_mb": "60 if attempt == 1 else 4000"},
            "manifest": {"runtime": SHORT_FOR_SHIPS},
        },
    )
    micro = (HERE / "micro.yaml").read_text()
    faults = micro.replace("run: micro", "run: faults").replace("det: 4,", "det: 2000,")
    (clone.directory / "faults.yaml").write_text(faults)
    results = clone.directory / "results/faults"
    targets = [f"results/faults/{SCENES}/fixed.safetensors"]
    command = ("--configfile", "faults.yaml", "--", *targets)

    def running(stage):
        records = cluster.records()[earlier:]
        return next((r for r in records if stage in r.stage and r.state == "RUNNING"), None)

    (clone.directory / "snakemake.log").unlink(missing_ok=True)
    process = clone.start(*command)
    try:
        job = wait_for(lambda: running("manifest_wildcards_synthetic_events"), 120, "a manifest")
        cluster.ask("scancel", str(job.id))
        job = wait_for(lambda: running("manifest_wildcards_synthetic_scenes"), 60, "a manifest")
        cluster.ask("scontrol", "requeue", str(job.id))
        log = results / "logs/pretrain/det.log"
        wait_for(lambda: log.exists() and "step " in log.read_text(), 400, "pretraining to begin")
        cut_off = log.read_text()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{clone.logs()}") from None
    finally:
        kill(process)
    # What a user does then, as docs/slurm.md says: its jobs, its lock, the same command.
    left = [r for r in cluster.records()[earlier:] if r.state in ("RUNNING", "PENDING")]
    cluster.ask("scancel", *(str(record.id) for record in left))
    wait_for(lambda: not cluster.ask("squeue", "-h").strip(), 60, "the cancelled jobs to end")
    clone.run("--unlock")
    (cluster.hangs / "manifest.py").touch()
    clone.run(*command, "results/faults/features/synthetic_ships.h5")
    assert not (cluster.hangs / "manifest.py").exists()
    return cluster.records()[earlier:], cut_off


def tries(records, rule):
    """State and memory of each job of a rule, by the stage that it is."""
    found = {}
    for record in records:
        if record.rule == rule:
            found.setdefault(record.stage.rpartition("wildcards_")[2], []).append(record)
    return found


def test_a_disturbed_run_ends_complete_and_does_no_stage_twice(disturbed, clone, show):
    records, _ = disturbed
    show("Jobs of the disturbed run, as Slurm recorded them", table_of(records))
    completed = Counter(record.stage for record in records if record.state == "COMPLETED")
    assert completed.keys() == {record.stage for record in records}
    assert set(completed.values()) == {1}
    assert (clone.directory / "results/faults" / SCENES / "fixed.safetensors").stat().st_size


def test_a_cancelled_job_is_tried_again(disturbed):
    records, _ = disturbed
    states = [record.state for record in tries(records, "manifest")["synthetic_events"]]
    assert states == ["CANCELLED", "COMPLETED"]


def test_a_requeued_job_is_waited_for(disturbed):
    records, _ = disturbed
    (record,) = tries(records, "manifest")["synthetic_scenes"]
    assert (record.state, record.restarts) == ("COMPLETED", 1)


def test_a_job_over_its_memory_is_tried_again_with_more(disturbed):
    records, _ = disturbed
    for dataset in ("synthetic_events", "synthetic_scenes"):
        first, *_, last = tries(records, "features")[dataset]
        assert (first.state, first.memory) in {("FAILED", "60M"), ("OUT_OF_MEMORY", "60M")}
        assert (last.state, last.memory) == ("COMPLETED", "4000M")


def test_a_job_over_its_time_is_tried_again_with_more(disturbed):
    records, _ = disturbed
    first, last = tries(records, "manifest")["synthetic_ships"]
    assert (first.state, first.time_limit) == ("TIMEOUT", "00:01:00")
    assert (last.state, last.time_limit) == ("COMPLETED", "01:00:00")


def test_gres_sites_give_gpus_too(disturbed):
    records, _ = disturbed
    asked = {(r.rule, r.gpus_asked, r.gpus_given) for r in records if r.rule in GPU_RULES}
    assert asked == {(rule, "gres:gpu:1", "gpu:fake:1") for rule in ("pretrain", "transfer")}


def test_pretraining_goes_on_where_it_was_cut_off(disturbed, clone):
    records, before = disturbed
    reached = max(int(step) for step in re.findall(r"step (\d+)", before))
    after = (clone.directory / "results/faults/logs/pretrain/det.log").read_text()
    taken_up = re.search(r"(?:resuming|going on) from step (\d+)", after)
    assert taken_up, after
    assert reached <= int(taken_up[1]) < 2000
    assert [r.state for r in tries(records, "pretrain")["det"]] == ["CANCELLED", "COMPLETED"]

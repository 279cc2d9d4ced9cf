"""`snakemake --profile slurm` on a one-node Slurm: a whole run, and one that everything befalls."""

import re
from collections import Counter
from contextlib import contextmanager

import pytest
from slurm_harness import HERE, Clone, kill, table_of, wait_for

GPU_RULES = {"pretrain", "transfer", "predict_upstream", "predict", "ood_upstream", "ood"}
CPU_RULES = {"manifest", "features", "metrics"}
SHORT_FOR_SHIPS = "1 if attempt == 1 and wildcards.dataset == 'synthetic_ships_5s' else 60"
STEPS = 800
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
    assert (results / "notebooks/claims.html").stat().st_size


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


class DisturbedRun:
    """A run that everything befalls, in two tries: its jobs so far, and pretraining's progress."""

    TARGET = f"results/faults/{SCENES}/fixed.safetensors"
    COMMAND = ("--configfile", "faults.yaml", "--", TARGET)

    def __init__(self, clone, cluster):
        self.clone, self.cluster = clone, cluster
        self.earlier = len(cluster.records())
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
        faults = micro.replace("run: micro", "run: faults").replace("det: 4,", f"det: {STEPS},")
        faults += "training: {checkpoint_every: 20}\n"
        (clone.directory / "faults.yaml").write_text(faults)

    def records(self):
        return self.cluster.records()[self.earlier :]

    def found(self, stage, state="RUNNING"):
        stages = [record for record in self.records() if record.stage.endswith(stage)]
        return next((record for record in stages if record.state == state), None)

    def newest_state(self):
        work = self.clone.directory / "results/faults/work"
        return max((path.name for path in work.rglob("step*.pt")), default="")

    def log(self):
        return (self.clone.directory / "results/faults/logs/pretrain/det.log").read_text()

    def manifest(self, dataset):
        return wait_for(lambda: self.found(f"manifest_wildcards_{dataset}"), 120, "a manifest")

    @contextmanager
    def snakemake(self, *targets):
        """Snakemake in the background, killed where something fails meanwhile."""
        process = self.clone.start(*self.COMMAND, *targets)
        failed = True
        try:
            yield process
            failed = False
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.clone.logs()}") from None
        finally:
            if failed:
                kill(process)

    def cut_off_in_pretraining(self):
        """One job is cancelled, one requeued; Snakemake is killed once pretraining has a state."""
        with self.snakemake() as process:
            job = self.manifest("synthetic_events")
            self.cluster.ask("scancel", str(job.id))
            job = self.manifest("synthetic_scenes")
            self.cluster.ask("scontrol", "requeue", str(job.id))
            wait_for(self.newest_state, 600, "a first state of pretraining")
            kill(process)

    def clear_up(self):
        """What docs/slurm.md tells a user to do then: its jobs, its lock."""
        left = [record for record in self.records() if record.state in ("RUNNING", "PENDING")]
        self.cluster.ask("scancel", *(str(record.id) for record in left))
        wait_for(lambda: not self.cluster.ask("squeue", "-h").strip(), 60, "the jobs' end")

    def warned_in_pretraining(self):
        """Started again, pretraining gets further and is warned as at the end of its time."""
        cut_off = self.newest_state()
        self.clone.run("--unlock")
        hanging = self.cluster.hangs / "manifest.py"
        hanging.touch()
        with self.snakemake("results/faults/features/synthetic_ships_5s.h5") as process:
            wait_for(lambda: self.newest_state() > cut_off, 600, "pretraining to get further")
            job = self.found("pretrain_wildcards_det")
            # As `--signal=TERM@120` does it: every step of the job, not its batch script.
            self.cluster.ask("scancel", "--signal=TERM", str(job.id))
            failed = wait_for(
                lambda: self.found("pretrain_wildcards_det", "FAILED"), 120, "its end"
            )
            assert failed.id == job.id
            warned = self.log()
        self.clone.finish(process)
        assert not hanging.exists()
        return warned


@pytest.fixture(scope="module")
def disturbed(clone, cluster):
    """What Slurm recorded of a disturbed run, and the log of each try to pretrain.

    Several jobs run out of memory and one out of time besides.
    """
    run = DisturbedRun(clone, cluster)
    run.cut_off_in_pretraining()
    run.clear_up()
    logs = [run.log(), run.warned_in_pretraining(), run.log()]
    return run.records(), logs


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
    first, last = tries(records, "manifest")["synthetic_ships_5s"]
    assert (first.state, first.time_limit) == ("TIMEOUT", "00:01:00")
    assert (last.state, last.time_limit) == ("COMPLETED", "01:00:00")


def test_gres_sites_give_gpus_too(disturbed):
    records, _ = disturbed
    asked = {(r.rule, r.gpus_asked, r.gpus_given) for r in records if r.rule in GPU_RULES}
    assert asked == {(rule, "gres:gpu:1", "gpu:fake:1") for rule in ("pretrain", "transfer")}


def test_pretraining_goes_on_where_it_was_cut_off(disturbed):
    records, logs = disturbed
    states = [record.state for record in tries(records, "pretrain")["det"]]
    assert states == ["CANCELLED", "FAILED", "COMPLETED"]
    taken_up = [re.search(r"going on from step (\d+)", log) for log in logs]
    assert taken_up[0] is None
    reached = [max(int(step) for step in re.findall(r"\bstep (\d+)", log)) for log in logs]
    assert int(taken_up[1][1]) == reached[0]
    assert int(taken_up[2][1]) == reached[1]
    assert reached[0] < reached[1] < reached[2] == STEPS

"""Snakemake's own part of the processor time, which counts on a laptop with many short jobs."""

from workflow_harness import SYNTHETIC, Workflow


def test_ready_jobs_are_looked_at_once_for_each_job_that_ends(tmp_path, write_config):
    datasets = ("synthetic_events", "synthetic_scenes", "synthetic_ships")
    features = [f"results/micro/features/{dataset}.h5" for dataset in datasets]
    run = Workflow(tmp_path)(
        write_config("micro", SYNTHETIC), "--cores", "1", "--verbose", *features
    )
    output = run.stdout + run.stderr
    ended = output.count("Finished jobid")
    assert ended >= 3 * len(datasets)
    assert output.count("Ready jobs") <= 2 * ended

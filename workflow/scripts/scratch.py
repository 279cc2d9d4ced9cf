from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import launch, runtime_of
    from vipann.training.stages import Job, train_from_scratch

    runtime = runtime_of(snakemake.config, snakemake.resources, snakemake.output, terminal)
    start = snakemake.input.get("start")
    settings, wildcards = snakemake.params.settings, snakemake.wildcards
    job = Job(
        # A variant's is in its settings.
        wildcards.get("strategy") or settings["strategy"],
        "scratch",
        int(wildcards.fold),
        Path(snakemake.input.features),
        Path(start) if start else None,
        settings,
        Path(snakemake.output.checkpoint),
        recordings=tuple(map(Path, snakemake.input.recordings)),
    )
    launch(runtime, train_from_scratch, job)

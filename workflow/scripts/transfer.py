from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import launch, runtime_of
    from vipann.training.stages import Job, transfer

    runtime = runtime_of(snakemake.config, snakemake.resources, snakemake.output, terminal)
    settings, wildcards = snakemake.params.settings, snakemake.wildcards
    job = Job(
        # A variant's is in its settings.
        wildcards.get("strategy") or settings["strategy"],
        wildcards.phase,
        int(wildcards.fold),
        Path(snakemake.input.features),
        Path(snakemake.input.start),
        settings,
        Path(snakemake.output.checkpoint),
        recordings=tuple(map(Path, snakemake.input.recordings)),
    )
    launch(runtime, transfer, job)

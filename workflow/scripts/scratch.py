from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import run_on_processes, running_of
    from vipann.training.stages import train_from_scratch

    run_on_processes(
        running_of(snakemake.config, snakemake.resources, snakemake.output, terminal),
        train_from_scratch,
        snakemake.wildcards.strategy,
        int(snakemake.wildcards.fold),
        Path(snakemake.input.features),
        snakemake.params.settings,
        snakemake.config["accelerator"],
        Path(snakemake.output.checkpoint),
    )

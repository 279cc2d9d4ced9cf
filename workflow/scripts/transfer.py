from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import run_on_processes, running_of
    from vipann.training.stages import transfer

    run_on_processes(
        running_of(snakemake.config, snakemake.resources, snakemake.output, terminal),
        transfer,
        snakemake.wildcards.strategy,
        snakemake.wildcards.phase,
        int(snakemake.wildcards.fold),
        Path(snakemake.input.features),
        Path(snakemake.input.start),
        snakemake.params.settings,
        snakemake.config["accelerator"],
        Path(snakemake.output.checkpoint),
    )

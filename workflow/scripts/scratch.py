from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import launch, runtime_of
    from vipann.training.stages import train_from_scratch

    launch(
        runtime_of(snakemake.config, snakemake.resources, snakemake.output, terminal),
        train_from_scratch,
        snakemake.wildcards.strategy,
        int(snakemake.wildcards.fold),
        Path(snakemake.input.features),
        snakemake.params.settings,
        Path(snakemake.output.checkpoint),
    )

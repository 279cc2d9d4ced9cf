from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.stages import train_from_scratch

    train_from_scratch(
        snakemake.wildcards.strategy,
        int(snakemake.wildcards.fold),
        Path(snakemake.input.features),
        snakemake.params.settings,
        snakemake.config["accelerator"],
        Path(snakemake.output.checkpoint),
        loader_workers=snakemake.config["loader_workers"],
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.stages import transfer

    transfer(
        snakemake.wildcards.strategy,
        snakemake.wildcards.phase,
        int(snakemake.wildcards.fold),
        Path(snakemake.input.features),
        Path(snakemake.input.start),
        snakemake.params.settings,
        snakemake.config["accelerator"],
        Path(snakemake.output.checkpoint),
        loader_workers=snakemake.config["loader_workers"],
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.stages import pretrain

    start = snakemake.input.get("start")
    pretrain(
        snakemake.wildcards.strategy,
        Path(snakemake.input.features),
        Path(start) if start else None,
        snakemake.params.settings,
        snakemake.config["accelerator"],
        Path(snakemake.output.checkpoint),
        loader_workers=snakemake.config["loader_workers"],
    )

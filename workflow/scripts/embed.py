from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.embed import embed

    outside = snakemake.input.get("outside")
    embed(
        Path(snakemake.input.checkpoint),
        Path(snakemake.input.features),
        Path(outside) if outside else None,
        snakemake.params.settings,
        snakemake.config["accelerator"],
        snakemake.config["evaluation"]["batch_size"],
        Path(snakemake.output[0]),
        loader_workers=snakemake.config["loader_workers"],
    )

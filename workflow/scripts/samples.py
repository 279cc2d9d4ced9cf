from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.kept_samples import sample_clips

    sample_clips(
        Path(snakemake.input.checkpoint),
        Path(snakemake.input.features),
        snakemake.params.settings,
        snakemake.config["accelerator"],
        snakemake.config["evaluation"]["batch_size"],
        Path(snakemake.output[0]),
        loader_workers=snakemake.config["loader_workers"],
    )

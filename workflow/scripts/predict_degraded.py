from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.predict import predict

    settings = snakemake.params.settings
    for features, out in zip(snakemake.input.features, snakemake.output, strict=True):
        predict(
            Path(snakemake.input.checkpoint),
            Path(features),
            settings["rows"],
            settings,
            snakemake.config["accelerator"],
            snakemake.config["evaluation"]["batch_size"],
            Path(out),
            loader_workers=snakemake.config["loader_workers"],
        )

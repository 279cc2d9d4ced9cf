from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.predict import predict

    predict(
        # A checkpoint, or a folder of them and the name of one.
        Path(snakemake.input.checkpoint, snakemake.params.get("file", "")),
        Path(snakemake.input.features),
        snakemake.params.settings["rows"],
        snakemake.params.settings,
        snakemake.config["accelerator"],
        snakemake.config["evaluation"]["batch_size"],
        Path(snakemake.output[0]),
        loader_workers=snakemake.config["loader_workers"],
    )

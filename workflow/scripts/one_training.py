from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.one_training import predict_from_one_training

    settings = snakemake.params.settings
    outside = snakemake.input.get("outside")
    predict_from_one_training(
        settings["method"],
        [Path(snakemake.input.epochs, name) for name in settings["epochs"]],
        Path(snakemake.input.features),
        Path(outside) if outside else None,
        settings,
        snakemake.config["accelerator"],
        snakemake.config["evaluation"]["batch_size"],
        [Path(path) for path in snakemake.output],
    )

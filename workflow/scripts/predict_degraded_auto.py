from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.predict import predict
    from vipann.evaluation.samples import chosen_samples

    settings = dict(snakemake.params.settings)
    if chosen := snakemake.input.get("chosen"):
        settings["mc_samples"] = chosen_samples(Path(chosen))
        print(f"{settings['mc_samples']} Monte Carlo samples, by {chosen}")
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

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.predict import predict

    settings = dict(snakemake.params.settings)
    if chosen := snakemake.input.get("chosen"):
        from vipann.evaluation.samples import chosen_samples

        settings["mc_samples"] = chosen_samples(Path(chosen))
        print(f"{settings['mc_samples']} Monte Carlo samples, by {chosen}")
    # One file, or one for each condition of the clips.
    heard = snakemake.input.features
    heard = [heard] if isinstance(heard, str) else heard
    for features, out in zip(heard, snakemake.output, strict=True):
        predict(
            # A checkpoint, or a folder of them and the name of one.
            Path(snakemake.input.checkpoint, settings.get("file", "")),
            Path(features),
            settings["rows"],
            settings,
            snakemake.config["accelerator"],
            snakemake.config["evaluation"]["batch_size"],
            Path(out),
            loader_workers=snakemake.config["loader_workers"],
        )

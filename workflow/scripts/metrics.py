from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.metrics import MetricSettings
    from vipann.evaluation.summarise import summarise

    settings = snakemake.params.settings
    points = settings["retained_fractions"]
    summarise(
        list(snakemake.input.predictions),
        list(snakemake.input.ood),
        MetricSettings(
            fractions=[point / points for point in range(1, points + 1)],
            bins=settings["calibration_bins"],
            resamples=settings["bootstrap_resamples"],
            seed=settings["seed"],
            orders=settings["orders"],
        ),
        dict(snakemake.output.items()),
    )

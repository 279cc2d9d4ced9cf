from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.beyond import Beyond
    from vipann.evaluation.summarise import summarise

    settings, out = snakemake.params.settings, snakemake.output
    points = settings["retained_fractions"]
    summarise(
        list(snakemake.input.predictions),
        list(snakemake.input.ood),
        [point / points for point in range(1, points + 1)],
        out.metrics,
        out.retention,
        out.uncertainty,
        Beyond(
            settings["calibration_bins"],
            settings["bootstrap_resamples"],
            settings["seed"],
            {kind: out[kind] for kind in ("confusion", "reliability", "intervals")},
            settings["orders"],
        ),
    )

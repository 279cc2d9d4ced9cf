from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.laplace_scores import laplace_scores
    from vipann.evaluation.metrics import MetricSettings

    settings = snakemake.params.settings
    points = settings["retained_fractions"]
    laplace_scores(
        list(map(Path, snakemake.input.own)),
        list(map(Path, snakemake.input.outside)),
        MetricSettings(
            fractions=[point / points for point in range(1, points + 1)],
            bins=settings["calibration_bins"],
            resamples=settings["bootstrap_resamples"],
            seed=settings["seed"],
            orders=0,
        ),
        Path(snakemake.output.metrics),
        Path(snakemake.output.intervals),
    )

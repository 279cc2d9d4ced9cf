from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.laplace_scores import laplace_scores
    from vipann.evaluation.metrics import MetricSettings

    settings = snakemake.params.settings
    laplace_scores(
        list(map(Path, snakemake.input.own)),
        list(map(Path, snakemake.input.outside)),
        MetricSettings.of(settings),
        Path(snakemake.output.metrics),
        Path(snakemake.output.intervals),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.cost.estimate import estimate

    settings = snakemake.params.settings
    estimate(
        settings["config"],
        Path(settings["manifests"]),
        Path(settings["benchmarks"]),
        snakemake.output.csv,
        snakemake.output.md,
    )

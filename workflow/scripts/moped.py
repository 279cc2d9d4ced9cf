from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.importing import initialise_with_moped

    initialise_with_moped(
        Path(snakemake.input.det),
        snakemake.params.settings,
        Path(snakemake.output.checkpoint),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.selection import select_clips

    select_clips(
        Path(snakemake.input.manifest), snakemake.params.settings, Path(snakemake.output[0])
    )

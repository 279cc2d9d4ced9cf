from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.features.selected import select_features

    select_features(
        Path(snakemake.input.features),
        Path(snakemake.input.clips),
        snakemake.wildcards.use,
        snakemake.params.settings["held_out"],
        Path(snakemake.output[0]),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.conformal_sets import write_recordings

    settings = snakemake.params.settings
    write_recordings(
        Path(snakemake.input[0]),
        snakemake.wildcards.dataset,
        settings["folds"],
        settings["alphas"],
        snakemake.output[0],
    )

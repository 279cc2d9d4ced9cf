from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.survey.job import survey_part

    survey_part(
        Path(snakemake.input.model),
        Path(snakemake.output[0]),
        snakemake.params.settings,
        snakemake.config["accelerator"],
        snakemake.config["evaluation"]["batch_size"],
        workers=max(1, snakemake.config["loader_workers"]),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.summary import write_summary

    rejected = snakemake.input.rejected
    write_summary(
        snakemake.wildcards.dataset,
        Path(snakemake.input.manifest),
        Path(snakemake.input.missing),
        Path(snakemake.output.csv),
        Path(snakemake.output.md),
        Path(rejected) if rejected else None,
    )

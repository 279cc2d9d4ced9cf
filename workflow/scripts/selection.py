from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.tables.validation import write_validation_table

    datasets = snakemake.params.settings["datasets"]
    sidecars = list(zip(datasets, snakemake.input.sidecars, strict=True))
    write_validation_table(sidecars, snakemake.output.csv, snakemake.output.md)

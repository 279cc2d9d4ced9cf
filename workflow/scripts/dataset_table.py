from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.tables.datasets import write_dataset_table

    source, out = snakemake.input, snakemake.output
    names = snakemake.params.settings["paper_names"]
    write_dataset_table(source.manifests, source.features, names, out.csv, out.md, out.tex)

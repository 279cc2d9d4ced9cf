from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.tables.complexity import write_complexity_table
    from vipann.tables.pretraining import write_pretraining_table
    from vipann.tables.transfer import write_scratch_table, write_transfer_table

    names, out = snakemake.params.settings["paper_names"], snakemake.output
    paths, files = list(snakemake.input.metrics), (out.csv, out.md, out.tex)
    if snakemake.wildcards.number == "3":
        write_pretraining_table(paths[0], names, *files)
    elif snakemake.wildcards.number == "4":
        write_transfer_table(paths, names, *files, snakemake.params.settings["notes"])
    elif snakemake.wildcards.number == "5":
        write_scratch_table(paths, names, *files)
    else:
        write_complexity_table(paths[0], snakemake.wildcards.number, *files)

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.tables.shortcuts import write_shortcuts_table

    source, out = snakemake.input, snakemake.output
    write_shortcuts_table(
        list(source.metrics),
        list(source.own),
        list(source.ood),
        snakemake.params.settings["paper_names"],
        (out.csv, out.md, out.tex),
    )

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.registry import load
    from vipann.report.pages import write_page
    from vipann.tables.layout import write_table

    settings, out = snakemake.params.settings, snakemake.output
    sources = {name: list(paths) for name, paths in snakemake.input.items()}
    table = load(settings["module"]).table(sources, **settings["about"])
    write_table(table, out.csv, out.md, out.tex)
    write_page(out.md, out.html)

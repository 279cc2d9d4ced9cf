from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    settings = snakemake.params.settings
    outputs = {kind: snakemake.output[kind] for kind in ("png", "pdf", "svg", "csv")}
    if snakemake.wildcards.figure == "retention":
        from vipann.figures.retention import draw_retention

        title = settings["paper_names"].get(snakemake.wildcards.dataset)
        draw_retention(snakemake.input[0], outputs, settings["style"], title)
    else:
        from vipann.figures.boxplot import draw_boxplot

        names = {key: name for key, name in settings["paper_names"].items() if name}
        draw_boxplot(snakemake.input[0], outputs, settings["style"], names=names)

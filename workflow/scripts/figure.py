from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    if snakemake.wildcards.figure == "retention":
        from vipann.figures.retention import draw_retention as draw
    else:
        from vipann.figures.boxplot import draw_boxplot as draw

    settings = snakemake.params.settings
    names = {key: name for key, name in settings["paper_names"].items() if name}
    outputs = {kind: snakemake.output[kind] for kind in ("png", "pdf", "svg", "csv")}
    draw(snakemake.input[0], outputs, style=settings["style"], names=names)

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.figures.boxplot import draw_boxplot
    from vipann.figures.retention import draw_phases, draw_retention

    settings, kind = snakemake.params.settings, snakemake.wildcards.figure
    style, names = settings["style"], settings["names"]
    outputs = {suffix: snakemake.output[suffix] for suffix in ("png", "pdf", "svg", "csv")}
    if kind == "boxplot":
        draw_boxplot(snakemake.input[0], outputs, style, names)
    else:
        draw = draw_phases if kind == "phases" else draw_retention
        title, interval = names[snakemake.wildcards.dataset], settings["interval"]
        draw(snakemake.input[0], outputs, style, title, interval)

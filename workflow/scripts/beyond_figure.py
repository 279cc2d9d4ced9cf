from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    settings, dataset = snakemake.params.settings, snakemake.wildcards.dataset
    outputs = {kind: snakemake.output[kind] for kind in ("png", "pdf", "svg", "csv")}
    title = settings["paper_names"].get(dataset)
    if snakemake.wildcards.figure == "reliability":
        from vipann.figures.reliability import draw_reliability

        draw_reliability(snakemake.input[0], outputs, settings["style"], title)
    else:
        from vipann.figures.confusion import draw_confusion

        draw_confusion(snakemake.input[0], outputs, settings["style"], title)

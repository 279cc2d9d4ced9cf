from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.figures.curves import draw_curves

    settings = snakemake.params.settings
    outputs = {kind: snakemake.output[kind] for kind in ("png", "pdf", "svg", "csv")}
    draw_curves(snakemake.input.curves, outputs, settings["style"], settings["names"])

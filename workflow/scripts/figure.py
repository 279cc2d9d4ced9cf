from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.figures.style import save, style_from
    from vipann.registry import load

    settings = snakemake.params.settings
    sources = {name: list(paths) for name, paths in snakemake.input.items()}
    style = style_from(settings["style"])
    with style.applied():
        drawn = load(settings["module"]).figure(sources, style, **settings["about"])
        save(*drawn, dict(snakemake.output.items()), style.dpi)

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.claims.writing import write_claims
    from vipann.registry import load

    settings, out = snakemake.params.settings, snakemake.output
    sources = {name: list(paths) for name, paths in snakemake.input.items()}
    claims = load(settings["claims"])
    views = claims.read_views(sources, settings)
    files = (out.csv, out.md, out.tex)
    write_claims(claims.PAPER, views, files, settings["notes"], settings["names"])

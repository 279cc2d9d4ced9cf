from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    import pandas as pd

    from vipann.claims.evidence import RESULT_FILES, read_view
    from vipann.claims.writing import write_claims
    from vipann.registry import load

    settings, out = snakemake.params.settings, snakemake.output
    claims = load(settings["claims"])

    def view(dataset):
        paths = {kind: snakemake.input[f"{dataset}_{kind}"] for kind in RESULT_FILES}
        about, interval = settings["datasets"][dataset], settings["interval"]
        return read_view(dataset, **about, paths=paths, interval=interval, named=claims.PAPER.named)

    views = claims.views_of(
        view(settings["upstream"]) if settings["upstream"] else None,
        [view(dataset) for dataset in settings["transfer"]],
        pd.read_csv(snakemake.input.counts),
    )
    write_claims(claims.PAPER, views, (out.csv, out.md, out.tex), settings["notes"])

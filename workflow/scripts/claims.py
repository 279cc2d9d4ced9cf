from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.claims.ledger import KINDS, Source
    from vipann.claims.writing import write_claims

    settings = snakemake.params.settings

    def source(dataset):
        paths = {kind: snakemake.input[f"{dataset}_{kind}"] for kind in KINDS}
        about, interval = settings["datasets"][dataset], settings["interval"]
        return Source(dataset, about["paper_name"], about["training_folds"], paths, interval)

    out, upstream = snakemake.output, settings["upstream"]
    write_claims(
        source(upstream) if upstream else None,
        [source(dataset) for dataset in settings["transfer"]],
        snakemake.input.counts,
        (out.csv, out.md, out.tex),
        settings["notes"],
    )

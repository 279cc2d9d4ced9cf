from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.claims.ledger import KINDS, Source
    from vipann.claims.writing import write_claims

    def source(dataset):
        paths = {kind: snakemake.input[f"{dataset}_{kind}"] for kind in KINDS}
        about = snakemake.params.settings["datasets"][dataset]
        return Source(dataset, about["paper_name"], about["training_folds"], paths)

    out, upstream = snakemake.output, snakemake.params.settings["upstream"]
    write_claims(
        source(upstream) if upstream else None,
        [source(dataset) for dataset in snakemake.params.settings["transfer"]],
        snakemake.input.counts,
        (out.csv, out.md, out.tex),
        snakemake.params.settings["notes"],
    )

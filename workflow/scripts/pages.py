from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.report.claims import write_claims_page
    from vipann.report.pages import write_page

    source, out = snakemake.input, snakemake.output
    names = snakemake.params.settings["names"]
    for csv, md, page in zip(source.ledgers, source.claims, out.claims, strict=True):
        write_claims_page(csv, md, names, page)
    for md, page in zip(source.summaries, out.summaries, strict=True):
        write_page(md, page)

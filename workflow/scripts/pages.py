from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.report.pages import write_page

    for source, out in zip(snakemake.input, snakemake.output, strict=True):
        write_page(source, out)

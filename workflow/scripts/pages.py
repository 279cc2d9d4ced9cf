from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.report.pages import write_pages

    write_pages(list(snakemake.input), list(snakemake.output))

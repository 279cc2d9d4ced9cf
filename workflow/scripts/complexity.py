from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.models.complexity import write_complexities
    from vipann.papers.vi_pann.networks import networks_of_table_1

    settings = snakemake.params.settings
    networks = networks_of_table_1(dict(settings["clip_seconds"]))
    write_complexities(networks, settings, snakemake.output.counts)

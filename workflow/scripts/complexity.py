from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.models.complexity import write_complexities
    from vipann.registry import load

    settings = snakemake.params.settings
    lengths = dict(settings["clip_seconds"])
    networks = [one for module in settings["modules"] for one in load(module).networks(lengths)]
    write_complexities(networks, settings, snakemake.output.counts)

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.metrics import MetricSettings
    from vipann.evaluation.summarise import summarise

    settings = snakemake.params.settings
    summarise(
        list(snakemake.input.predictions),
        list(snakemake.input.ood),
        MetricSettings.of(settings),
        dict(snakemake.output.items()),
    )

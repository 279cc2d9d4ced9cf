from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.summarise import summarise

    points = snakemake.params.settings["retained_fractions"]
    summarise(
        list(snakemake.input.predictions),
        list(snakemake.input.ood),
        [point / points for point in range(1, points + 1)],
        snakemake.output.metrics,
        snakemake.output.retention,
        snakemake.output.uncertainty,
    )

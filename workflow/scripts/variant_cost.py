from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.cost import write_costs
    from vipann.features.store import FeatureStore

    settings = snakemake.params.settings
    with FeatureStore(snakemake.input.features) as store:
        classes = len(store.classes)
    write_costs(
        settings["networks"],
        classes,
        settings["batch_size"],
        settings["repeats"],
        snakemake.config["accelerator"],
        snakemake.output.costs,
    )

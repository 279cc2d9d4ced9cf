from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.manifest import read_classes
    from vipann.evaluation.cost import write_costs

    settings = snakemake.params.settings
    write_costs(
        settings["networks"],
        len(read_classes(Path(snakemake.input.manifest))),
        settings["batch_size"],
        settings["repeats"],
        settings["accelerator"],
        snakemake.output.costs,
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.importing import import_weights

    settings = snakemake.params.settings
    weights = (*snakemake.input, settings["entry"].get("path"))[0]
    import_weights(
        snakemake.wildcards.strategy,
        Path(weights),
        settings,
        Path(snakemake.output.checkpoint),
    )

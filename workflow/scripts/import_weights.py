from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.importing import import_weights

    strategy = snakemake.wildcards.strategy
    # With what the params leave out: how to get a file is for messages, and changes no result.
    entry = snakemake.config["pretrain"]["checkpoints"].get(strategy) or {}
    settings = snakemake.params.settings | {"entry": entry}
    weights = (*snakemake.input, entry.get("path"))[0]
    import_weights(
        strategy,
        Path(weights),
        settings,
        Path(snakemake.output.checkpoint),
    )

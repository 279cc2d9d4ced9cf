from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.building import build_manifest

    settings = snakemake.params.settings
    # Past the params: a manifest that was not refused is the same for any folds, and one more
    # fold is no reason to train the others again. Each training judges its own.
    tested = snakemake.config["transfer"]["folds"]
    build_manifest(
        settings["block"]["adapter"],
        Path(snakemake.input.audio),
        settings["block"],
        settings["seed"],
        Path(snakemake.output.manifest),
        Path(snakemake.output.missing),
        settings["validation"],
        None if tested == "all" else tested,
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.manifest import build_manifest

    settings = snakemake.params.settings
    build_manifest(
        settings["block"]["adapter"],
        Path(snakemake.input.audio),
        settings["block"],
        settings["seed"],
        Path(snakemake.output.manifest),
        Path(snakemake.output.missing),
        settings["validation"],
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.shared import write_shared

    settings = snakemake.params.settings
    manifests = map(Path, snakemake.input)
    write_shared(
        snakemake.wildcards.dataset,
        settings["role"],
        dict(zip(settings["datasets"], manifests, strict=True)),
        Path(snakemake.output[0]),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.audioset_fetch import fetch_shard

    fetch_shard(
        [Path(path) for path in snakemake.input.archives],
        Path(snakemake.params.settings["clips"]),
        int(snakemake.wildcards.shard),
        int(snakemake.wildcards.shards),
        Path(snakemake.output[0]),
        snakemake.params.settings["arguments"],
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.audioset_fetch import fetch_shard

    # How clips are fetched is no part of the params: what is there is not fetched again.
    options = snakemake.config["datasets"][snakemake.wildcards.dataset]["options"]
    fetch_shard(
        [Path(path) for path in snakemake.input.archives],
        Path(snakemake.params.settings["clips"]),
        int(snakemake.wildcards.shard),
        int(snakemake.wildcards.shards),
        Path(snakemake.output[0]),
        options.get("yt_dlp_args", []),
    )

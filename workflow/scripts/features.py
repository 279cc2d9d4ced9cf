from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.features.extract import extract_features

    settings = snakemake.params.settings
    extract_features(
        Path(snakemake.input.manifest[0]),
        Path(snakemake.input.audio),
        settings["block"],
        settings["features"],
        Path(snakemake.output[0]),
        workers=snakemake.threads,
        left_out=Path(snakemake.input.left_out[0]) if snakemake.input.left_out else None,
        max_rejected=snakemake.config["data"]["max_rejected"],
        shard=int(snakemake.wildcards.get("shard", 1)),
        shards=int(snakemake.wildcards.get("shards", 1)),
    )

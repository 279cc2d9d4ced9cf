from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.features.shards import join_shards

    join_shards([Path(shard) for shard in snakemake.input], Path(snakemake.output[0]))

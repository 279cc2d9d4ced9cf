from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.config import mirror_of
    from vipann.datasets.archives import fetch_archive

    entry = snakemake.params.settings["entry"]
    mirror = mirror_of(snakemake.config)
    print(fetch_archive(entry, Path(snakemake.output[0]), mirror, terminal))

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.config import archive_entries, imagenet_entries, mirror_of
    from vipann.datasets.archives import fetch_archive

    # Where a file comes from is no part of the params: a new address is no reason to fetch again.
    config, wildcards = snakemake.config, snakemake.wildcards
    if snakemake.rule == "download_weights":
        entries = [config["pretrain"]["checkpoints"][wildcards.strategy]]
    elif snakemake.rule == "download_label_set":
        entries = [config["label_sets"][wildcards.label_set]]
    elif snakemake.rule == "download_imagenet":
        entries = imagenet_entries(config)
    else:
        entries = archive_entries(config["datasets"][wildcards.dataset])
    entry = next(entry for entry in entries if entry["file"] == wildcards.file)
    print(fetch_archive(entry, Path(snakemake.output[0]), mirror_of(config), terminal))

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.strong_labels import write_strong_labels

    block = snakemake.params.settings["block"]
    write_strong_labels(
        block["adapter"],
        Path(snakemake.input.audio),
        block,
        Path(snakemake.input.manifest),
        Path(snakemake.output[0]),
    )

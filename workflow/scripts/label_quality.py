from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.label_quality import write_label_quality
    from vipann.datasets.manifest import read_classes
    from vipann.datasets.registry import class_ids

    source = snakemake.input
    ids = class_ids(snakemake.params.settings["adapter"], Path(source.audio))
    classes = read_classes(Path(source.manifest))
    write_label_quality(Path(source.quality), classes, ids, snakemake.output.quality)

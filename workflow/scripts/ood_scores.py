from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.detection_tables import detection_table

    settings, files = snakemake.params.settings, snakemake.input
    detection_table(
        *(list(map(Path, files[name])) for name in ("embeddings", "predictions", "ood")),
        neighbours=settings["neighbours"],
        resamples=settings["bootstrap_resamples"],
        seed=settings["seed"],
        out=Path(snakemake.output[0]),
    )

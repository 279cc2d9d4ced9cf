from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import launch, runtime_of
    from vipann.training.stages import pretrain

    start = snakemake.input.get("start")
    launch(
        runtime_of(snakemake.config, snakemake.resources, snakemake.output, terminal),
        pretrain,
        snakemake.wildcards.strategy,
        Path(snakemake.input.features),
        Path(start) if start else None,
        snakemake.params.settings,
        Path(snakemake.output.checkpoint),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import launch, runtime_of
    from vipann.training.stages import Job, pretrain

    runtime = runtime_of(snakemake.config, snakemake.resources, snakemake.output, terminal)
    settings = snakemake.params.settings
    start, labels = (snakemake.input.get(name) for name in ("start", "labels"))
    job = Job(
        settings["strategy"],
        "pretrained",
        0,
        Path(snakemake.input.features),
        Path(start) if start else None,
        settings,
        Path(snakemake.output.checkpoint),
        Path(labels) if labels else None,
        tuple(map(Path, snakemake.input.recordings)),
    )
    launch(runtime, pretrain, job)

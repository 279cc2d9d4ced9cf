from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]) as terminal:
    from vipann.training.launch import launch, runtime_of
    from vipann.training.stages import Job, go_on

    runtime = runtime_of(snakemake.config, snakemake.resources, snakemake.output, terminal)
    job = Job(
        "det",
        "finetuned",
        int(snakemake.wildcards.fold),
        Path(snakemake.input.features),
        Path(snakemake.input.start),
        snakemake.params.settings,
        Path(snakemake.output.checkpoint),
    )
    launch(runtime, go_on, job)

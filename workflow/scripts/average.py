from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.training.averaging import Heard, average

    settings, heard = snakemake.params.settings, None
    if settings["recompute_batch_norm"]:
        heard = Heard(
            Path(snakemake.input.features),
            settings["batch_size"],
            settings["seed"],
            snakemake.config["accelerator"],
        )
    average(
        [Path(snakemake.input.epochs, name) for name in settings["epochs"]],
        Path(snakemake.output.checkpoint),
        settings["count_start_twice"],
        heard,
    )

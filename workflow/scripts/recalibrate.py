from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.recalibrated import write_recalibrated

    settings, files = snakemake.params.settings, snakemake.input
    validated = files.get("validation") or [None] * len(files.predictions)
    pairs = zip(map(Path, files.predictions), validated, strict=True)
    every = iter([(tested, path and Path(path)) for tested, path in pairs])
    write_recalibrated(
        [[next(every) for _ in range(count)] for count in settings["folds"]],
        settings["bins"],
        settings["resamples"],
        settings["seed"],
        dict(snakemake.output.items()),
    )

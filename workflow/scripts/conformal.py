from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.conformal_sets import SetSettings, write_conformal

    settings = snakemake.params.settings
    every = iter(map(Path, snakemake.input.predictions))
    write_conformal(
        [[next(every) for _ in range(count)] for count in settings["folds"]],
        SetSettings(
            **settings["sets"], **{key: settings[key] for key in ("alphas", "resamples", "seed")}
        ),
        snakemake.output[0],
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.conditions import Condition
    from vipann.evaluation.metrics import MetricSettings
    from vipann.evaluation.probes import robustness

    settings, files = snakemake.params.settings, snakemake.input
    clean, degraded = ([Path(path) for path in files[key]] for key in ("clean", "degraded"))
    conditions = [Condition(*one) for one in settings["conditions"]]
    count = len(clean)
    robustness(
        clean,
        {one: degraded[i * count : (i + 1) * count] for i, one in enumerate(conditions)},
        MetricSettings.of(settings),
        Path(snakemake.output[0]),
    )

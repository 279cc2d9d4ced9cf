from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.variant_metrics import Scored, variant_metrics

    settings = snakemake.params.settings
    names, files = settings["label_sets"], snakemake.input.get("label_sets", [])
    points = settings["retained_fractions"]
    whose = [Scored(**facts) for facts in settings["networks"]]
    variant_metrics(
        list(zip(whose, map(Path, snakemake.input.predictions), strict=True)),
        dict(zip(names, map(Path, files), strict=True)),
        Path(snakemake.input.features),
        [point / points for point in range(1, points + 1)],
        settings["calibration_bins"],
        dict(snakemake.output.items()),
    )

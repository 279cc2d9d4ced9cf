from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.fold_metrics import fold_metrics
    from vipann.evaluation.variant_metrics import Scored

    settings, files = snakemake.params.settings, snakemake.input
    points = settings["retained_fractions"]
    networks, outside, trained = (
        [Scored(**facts) for facts in settings[key]] for key in ("networks", "outside", "trained")
    )
    fold_metrics(
        list(zip(networks, map(Path, files.predictions), strict=True)),
        list(zip(outside, map(Path, files.get("ood", [])), strict=True)),
        list(zip(trained, map(Path, files.sidecars), strict=True)),
        snakemake.wildcards.dataset,
        [point / points for point in range(1, points + 1)],
        settings["calibration_bins"],
        Path(snakemake.output[0]),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.metrics import MetricSettings
    from vipann.evaluation.probes import probes

    settings, files = snakemake.params.settings, snakemake.input
    learning = zip(files.get("learning", []), settings["learning"], strict=True)
    pairs = zip(files.get("known", []), files.get("unknown", []), strict=True)
    unknown = zip(pairs, settings["unknown"], strict=True)
    probes(
        [(Path(path), who["network"], who["fraction"]) for path, who in learning],
        [(Path(own), Path(other), who["network"]) for (own, other), who in unknown],
        MetricSettings.of(settings),
        Path(snakemake.output[0]),
    )

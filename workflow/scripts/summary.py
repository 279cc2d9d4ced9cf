from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.audio.walk import find_audio
    from vipann.datasets.summary import write_summary
    from vipann.features.measures import measures_of

    settings = snakemake.params.settings
    features = Path(snakemake.input.features)
    # Written beside the features, and only where there was something to reject.
    rejected = features.with_suffix(".rejected.csv")
    write_summary(
        snakemake.wildcards.dataset,
        settings["adapter_name"],
        Path(snakemake.input.manifest),
        Path(snakemake.input.missing),
        Path(snakemake.output.csv),
        Path(snakemake.output.md),
        rejected if rejected.is_file() else None,
        measures_of(features),
        find_audio(settings["walked"]) if settings["walked"] else None,
    )

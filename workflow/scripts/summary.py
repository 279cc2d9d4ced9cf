from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.audio.walk import find_audio
    from vipann.datasets.shared import check_features
    from vipann.datasets.summary import write_summary
    from vipann.features.measures import measures_of

    settings = snakemake.params.settings
    features = Path(snakemake.input.features)
    for listed in snakemake.input.left_out:
        check_features(features, Path(listed))
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
        shared=Path(snakemake.input.shared[0]) if snakemake.input.shared else None,
        measures=measures_of(features),
        found=find_audio(settings["walked"]) if settings["walked"] else None,
    )

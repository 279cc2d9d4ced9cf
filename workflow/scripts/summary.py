from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.left_out import check_features
    from vipann.datasets.summary import write_summary

    for listed in snakemake.input.left_out:
        check_features(Path(snakemake.input.features), Path(listed))
    # Written beside the features, and only where there was something to reject.
    rejected = Path(snakemake.input.features).with_suffix(".rejected.csv")
    write_summary(
        snakemake.wildcards.dataset,
        snakemake.params.settings["adapter_name"],
        Path(snakemake.input.manifest),
        Path(snakemake.input.missing),
        Path(snakemake.output.csv),
        Path(snakemake.output.md),
        rejected if rejected.is_file() else None,
        Path(snakemake.input.shared[0]) if snakemake.input.shared else None,
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.report.index import write_index

    kinds = ("tables", "figures", "notebooks", "summaries", "metrics")
    write_index(
        Path(snakemake.output.md).parent,
        {kind: list(snakemake.input[kind]) for kind in kinds},
        snakemake.params.settings["facts"],
        snakemake.output.md,
        snakemake.output.html,
    )

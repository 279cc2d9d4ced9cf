from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.laplace_predictions import predict_by_laplace

    predict_by_laplace(
        Path(snakemake.input.checkpoint),
        Path(snakemake.input.embeddings),
        snakemake.params.settings,
        Path(snakemake.output.own),
        Path(snakemake.output.outside),
    )

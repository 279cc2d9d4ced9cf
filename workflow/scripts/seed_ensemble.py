from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.seed_ensembles import seed_ensemble

    seed_ensemble([Path(path) for path in snakemake.input], Path(snakemake.output[0]))

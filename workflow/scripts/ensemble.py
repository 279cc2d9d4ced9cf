from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.ensembles import ensemble

    ensemble([Path(path) for path in snakemake.input], Path(snakemake.output[0]))

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.samples import choose_samples

    choose_samples(Path(snakemake.input[0]), Path(snakemake.output[0]))

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.events import Cutting, write_events

    cutting = Cutting(**snakemake.params.settings["cutting"])
    write_events(Path(snakemake.input[0]), cutting, Path(snakemake.output[0]))

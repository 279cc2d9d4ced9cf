from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.localisation import Scoring, write_localisation

    settings = snakemake.params.settings
    write_localisation(
        settings["networks"],
        [Path(path) for path in snakemake.input.events],
        Path(snakemake.input.strong_labels),
        Path(snakemake.input.features),
        Scoring(**settings["scoring"]),
        Path(snakemake.output[0]),
    )

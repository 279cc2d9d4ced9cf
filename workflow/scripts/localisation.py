from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.evaluation.localisation import Scoring, write_localisation
    from vipann.evaluation.variant_metrics import Scored

    settings = snakemake.params.settings
    whose = [Scored(**facts) for facts in settings["networks"]]
    write_localisation(
        list(zip(whose, map(Path, snakemake.input.events), strict=True)),
        Path(snakemake.input.strong_labels),
        Path(snakemake.input.features),
        Scoring(**settings["scoring"]),
        Path(snakemake.output[0]),
    )

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.survey.export import export
    from vipann.survey.finished import Chosen

    settings = snakemake.params.settings
    files = {
        # Of out-of-distribution clips there are files of all folds or of none.
        kind: dict(zip(settings["folds"], map(Path, snakemake.input[kind]), strict=False))
        for kind in ("checkpoints", "predictions", "outside")
    }
    export(
        Chosen(
            **{key: settings[key] for key in ("dataset", "strategy", "phase")},
            **files,
            features=Path(snakemake.input.features),
        ),
        Path(snakemake.output[0]),
    )

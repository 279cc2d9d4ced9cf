from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.survey.recordings import find_recordings
    from vipann.survey.results import settings_of, write_results

    settings = snakemake.params.settings
    found = find_recordings([settings["recordings"]])
    write_results(
        Path(snakemake.output.events).parent,
        Path(snakemake.input.model),
        {one.name: one.path for one in found},
        settings_of(settings["results"]),
        settings["seed"],
        Path(snakemake.output.events).parent,
    )

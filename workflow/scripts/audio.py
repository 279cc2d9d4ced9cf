from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.building import place_audio

    settings = snakemake.params.settings
    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True)
    archives = [Path(path) for path in [*snakemake.input.archives, *snakemake.input.fetched]]
    place_audio(archives, folder, settings["block"], settings.get("seed"))

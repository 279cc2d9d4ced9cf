from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.archives import place
    from vipann.datasets.registry import adapter

    settings = snakemake.params.settings
    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True)
    archives = [Path(path) for path in [*snakemake.input.archives, *snakemake.input.fetched]]
    block = settings["block"]
    chosen = adapter(block["adapter"])
    if hasattr(chosen, "place_audio"):
        chosen.place_audio(archives, folder, block, settings.get("seed"))
    else:
        place(archives, folder)

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.conditions import Condition
    from vipann.features.degraded import audio_of, degrade_features

    settings, files = snakemake.params.settings, snakemake.input
    own = audio_of(Path(files.manifest), Path(files.audio), settings["clip_seconds"])
    noise = None
    if "noise_seconds" in settings:
        left_out = Path(files.noise_left_out[0]) if files.noise_left_out else None
        places = Path(files.noise_manifest), Path(files.noise_audio)
        noise = audio_of(*places, settings["noise_seconds"], left_out)
    degrade_features(
        Path(files.features),
        own,
        noise,
        Condition(*settings["condition"]),
        settings,
        Path(snakemake.output[0]),
        workers=snakemake.threads,
    )

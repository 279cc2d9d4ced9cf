from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    import pandas as pd

    from vipann.registry import load
    from vipann.report.advice import write_advice

    settings, out = snakemake.params.settings, snakemake.output
    said = [
        (label, load(f"{module}:advice")(pd.read_csv(path).replace({"dataset": settings["names"]})))
        for (label, module), path in zip(settings["tables"], snakemake.input, strict=True)
    ]
    write_advice(said, settings["run"], out.md, out.html)

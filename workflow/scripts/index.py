from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    import json

    from vipann.files import replacing
    from vipann.report.index import write_index

    settings, out = snakemake.params.settings, snakemake.output
    others = {name: list(snakemake.input[name]) for name in ("notebooks", "summaries", "metrics")}
    write_index(settings["sections"], others, settings["facts"], out.md, out.html)
    with replacing(out.said) as beside:
        beside.write_text(json.dumps(settings["said"], indent=1), encoding="utf-8")

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    import json
    from pathlib import Path

    import vipann
    from vipann.files import replacing
    from vipann.provenance.run_crate import hand_in
    from vipann.report.first_page import write_first_page
    from vipann.report.index import write_index

    settings, out = snakemake.params.settings, snakemake.output
    others = {name: list(snakemake.input[name]) for name in ("notebooks", "summaries", "metrics")}
    write_index(settings["sections"], others, settings["facts"], out.md, out.html)
    folder = Path(out.md).parent
    facts = settings["facts"]
    figures, terms = facts["front"]["figures"], facts.get("terms", ())
    write_first_page(folder, figures, out.first_page, terms)
    with replacing(out.said) as beside:
        beside.write_text(json.dumps(settings["said"], indent=1), encoding="utf-8")
    # Not among the outputs: a run whose crate cannot be written has its results all the same.
    hand_in(folder, Path(vipann.__file__).parents[2], snakemake.config)

from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.datasets.label_sets import import_label_set
    from vipann.datasets.manifest import read_manifest
    from vipann.datasets.ontology import read_ontology
    from vipann.datasets.registry import class_ids
    from vipann.evaluation.label_enhancement import enhance

    settings, source = dict(snakemake.params.settings), snakemake.input
    del settings["code"]
    adapter, split = settings.pop("adapter"), settings.pop("split")
    manifest, ids = read_manifest(Path(source.manifest)), class_ids(adapter, Path(source.audio))
    outputs = {"out": snakemake.output.labels, "counts_out": snakemake.output.counts}
    if source.get("relabelled"):
        import_label_set(source.relabelled, manifest, split, ids, **settings, **outputs)
    else:
        ontology = read_ontology(source.ontology)
        enhance(source.predictions, manifest, split, ontology, ids, **settings, **outputs)

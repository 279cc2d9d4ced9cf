"""The stages of the workflow, in the order of the flow, and which rules' jobs each is made of.

What a reader calls a stage has more than one rule: a network is trained from an upstream one by
`transfer`, by its twin for variants, and by that for members of a deep ensemble. Progress is
reported by stage. Standard library only: Snakemake's logger reads this before any job runs.
"""

STAGES: dict[str, tuple[str, ...]] = {
    "download": (
        *("download", "download_weights", "download_imagenet", "download_label_set", "fetch"),
    ),
    "audio": ("audio",),
    "manifest": (
        *("manifest", "shared_recordings", "strong_labels", "select_clips"),
        "calibration_recordings",
    ),
    "features": (
        *("features", "features_shard", "join_features", "select_features", "degrade"),
        *("features_of_variants", "features_shard_of_variants", "join_features_of_variants"),
    ),
    "pretrain": (
        *("import_weights", "pretrain", "pretrain_member", "moped"),
        *("train_variant", "train_variant_by_epochs", "moped_variant", "average"),
    ),
    "transfer": ("transfer", "transfer_member", "transfer_variant", "go_on"),
    "scratch": ("scratch", "scratch_variant"),
    "predict": (
        *("predict", "predict_upstream", "predict_validation", "predict_degraded"),
        *("predict_variant", "predict_fold_variant", "predict_member"),
        *("predict_upstream_member", "predict_validation_member"),
        *("ood", "ood_upstream", "ood_member", "ood_upstream_member", "ood_fold_variant"),
        *("samples", "samples_upstream", "validation_samples", "choose_samples"),
        *("embed", "embed_upstream", "laplace", "laplace_upstream", "one_training", "unknown"),
    ),
    "ensemble": ("ensemble", "ensemble_on_folds", "seed_ensemble", "seed_ensemble_upstream"),
    "label sets": ("enhance", "import_label_set", "label_quality"),
    "metrics": (
        *("metrics", "metrics_of_one_training", "variant_metrics", "fold_metrics"),
        *("recalibration", "conformal", "robustness", "probes", "sample_curves"),
        *("ood_scores", "laplace_scores", "events", "localisation"),
        *("complexity", "variant_cost"),
    ),
    "tables": ("table",),
    "figures": ("figure",),
    "claims": ("claims", "advice"),
    "report": ("dataset_summary", "notebook", "pages", "index"),
    "survey": ("export_model", "survey_part", "survey_results"),
}
# They only name what is wanted and do nothing.
TARGETS = ("all", "transferred", "selection", "survey")

_STAGE_OF = {rule: stage for stage, rules in STAGES.items() for rule in rules}


def stage_of_rule(rule: str) -> str:
    """The stage whose job a rule's is; of a rule that is not this workflow's, its own name."""
    return _STAGE_OF.get(rule, rule)

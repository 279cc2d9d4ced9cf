"""The claims ledger: see `vipann.claims.writing`."""

TABLE = {
    "label": "Claims of the thesis on event detection, judged",
    "category": "Claims",
    "needs": {
        "scores": "metrics/{varied_on_folds}.variants_on_folds.parquet",
        "variants": "metrics/{varied}.variants.parquet",
        "per_class": "metrics/{varied}.variants_per_class.parquet",
        "costs": "metrics/{measured}.variant_cost.csv",
        "quality": "label_quality/{rated}.csv",
        "predictions": "predictions/{varied_networks}.h5",
        "train_predictions": "predictions/{varied_train}.h5",
        "localisation": "metrics/{localised}.localisation.parquet",
    },
    "may_lack": [
        "scores",
        "variants",
        "per_class",
        "costs",
        "quality",
        "predictions",
        "train_predictions",
        "localisation",
    ],
    "networks_of": ["maximum", "mean", "linear_softmax", "exp_softmax", "softmax_attention"],
    "made_by": "claims",
}

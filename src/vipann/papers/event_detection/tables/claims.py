"""The claims ledger: see `vipann.claims.writing`."""

TABLE = {
    "label": "Claims of the thesis on event detection, judged",
    "category": "Claims",
    "needs": {
        "scores": "metrics/{varied_on_folds}.variants_on_folds.parquet",
        "variants": "metrics/{varied}.variants.parquet",
        "predictions": "predictions/{varied_networks}.h5",
        "train_predictions": "predictions/{varied_train}.h5",
    },
    "may_lack": ["scores", "variants", "predictions", "train_predictions"],
    "networks_of": ["maximum", "mean", "linear_softmax", "exp_softmax", "softmax_attention"],
    "made_by": "claims",
}

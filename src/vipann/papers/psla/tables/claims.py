"""The claims ledger: see `vipann.claims.writing`."""

TABLE = {
    "label": "PSLA's claims, judged",
    "category": "Claims",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "per_class": "metrics/{varied}.variants_per_class.parquet",
        "manifests": "manifests/{varied}.parquet",
        "label_sets": "label_sets/{label_set}.parquet",
    },
    "may_lack": ["label_sets"],
    "made_by": "claims",
}

"""The claims ledger: see `vipann.claims.writing`."""

TABLE = {
    "label": "The paper's claims, judged",
    "category": "Claims",
    "needs": {
        "metrics": "metrics/{tested}.metrics.parquet",
        "retention": "metrics/{tested}.retention.parquet",
        "uncertainty": "metrics/{tested}.uncertainty.parquet",
        "counts": "metrics/complexity.csv",
    },
    "made_by": "claims",
}

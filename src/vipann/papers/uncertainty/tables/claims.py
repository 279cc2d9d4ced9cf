"""The ledger of what the literature says: see `vipann.claims.writing`."""

TABLE = {
    "label": "What the literature says, judged",
    "category": "Claims",
    "needs": {
        "probes": "metrics/{probes}.probes.parquet",
        "robustness": "metrics/{robustness}.robustness.parquet",
    },
    # A part that a run does without.
    "may_lack": ["probes", "robustness"],
    "made_by": "claims",
}

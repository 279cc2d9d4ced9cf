"""The ledger of what the literature says: see `vipann.claims.writing`."""

TABLE = {
    "label": "What the literature says, judged",
    "category": "Claims",
    "needs": {
        "recalibration": "metrics/{recalibration}.recalibration.parquet",
        "conformal": "metrics/{conformal}.conformal.parquet",
    },
    # Parts that a run does without.
    "may_lack": ["recalibration", "conformal"],
    "made_by": "claims",
}

"""The ledger of what the literature says: see `vipann.claims.writing`."""

TABLE = {
    "label": "What the literature says, judged",
    "category": "Claims",
    "needs": {
        "recalibration": "metrics/{recalibration}.recalibration.parquet",
        "conformal": "metrics/{conformal}.conformal.parquet",
        "ensembles": "metrics/{ensembles}.metrics.parquet",
        "ensembles_clips": "metrics/{ensembles}.uncertainty.parquet",
        "samples": "metrics/{samples}.samples.parquet",
        "probes": "metrics/{probes}.probes.parquet",
        "robustness": "metrics/{robustness}.robustness.parquet",
        "ood_scores": "metrics/{ood_scores}.ood_scores.parquet",
    },
    # Parts that a run does without.
    "may_lack": [
        "recalibration",
        "conformal",
        "ensembles",
        "ensembles_clips",
        "samples",
        "probes",
        "robustness",
        "ood_scores",
    ],
    "made_by": "claims",
}

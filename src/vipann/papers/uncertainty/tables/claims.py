"""The ledger of what the literature says: see `vipann.claims.writing`."""

TABLE = {
    "label": "What the literature says, judged",
    "category": "Claims",
    "needs": {},
    # A part that a run does without.
    "may_lack": [],
    "made_by": "claims",
}

"""The claims ledger: see `vipann.claims.writing`."""

TABLE = {"label": "The paper's claims, judged", "category": "Claims", "made_by": "claims"}

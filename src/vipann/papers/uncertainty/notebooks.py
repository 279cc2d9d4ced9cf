"""The notebook of what stands beside the paper: as in `vipann.papers.vi_pann.notebooks`."""

# Needed tables and figures that a run does not make are left out.
NOTEBOOKS = {
    "overview": {
        "caption": "What this run says of its uncertainties beyond the paper, part by part.",
        "needs": {"results": ["tables/uncertainty_claims.csv"]},
        "parameters": [],
    },
}

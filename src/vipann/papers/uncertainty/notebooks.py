"""The notebook of what stands beside the paper: as in `vipann.papers.vi_pann.notebooks`."""

# Needed tables and figures that a run does not make are left out.
NOTEBOOKS = {
    "overview": {
        "caption": "What this run says of its uncertainties beyond the paper, part by part.",
        "needs": {
            "results": [
                "tables/uncertainty_claims.md",
                "tables/uncertainty_recalibration.md",
                "tables/uncertainty_conformal.md",
                "tables/uncertainty_ensembles.md",
                "tables/uncertainty_samples.md",
                "tables/uncertainty_laplace.md",
                "tables/uncertainty_ood_scores.md",
                "tables/uncertainty_probes.md",
                "tables/uncertainty_robustness.md",
                "figures/uncertainty_recalibration_{recalibration}.png",
                "figures/uncertainty_samples_{samples}.png",
                "figures/uncertainty_ood_scores_{ood_scores}.png",
                "figures/uncertainty_probes_{probes}.png",
                "figures/uncertainty_robustness_{robustness}.png",
            ]
        },
        "may_lack": ["results"],
        "parameters": [],
    },
}

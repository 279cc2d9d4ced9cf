"""Beyond the paper: baselines, recalibration, guarantees and probes of the uncertainties.

No paper prints these tables. What is judged in words is what the literature says, with its source.
"""

# As in `vipann.papers.vi_pann`.
PAPER = {
    "short": "Uncertainty",
    "citation": "uncertainty beyond the paper: baselines, recalibration, guarantees and probes",
    "prefix": "uncertainty_",
    "upstream": "AudioSet",
    "beyond": True,
}

"""Gong, Chung and Glass, PSLA (2021)."""

# As in `vipann.papers.vi_pann`. Its tables have Roman numbers in print: Table 2 is Table II.
PAPER = {
    "short": "PSLA",
    "citation": "Gong, Chung and Glass, *PSLA* (2021)",
    "prefix": "psla_",
    "upstream": "AudioSet",
}

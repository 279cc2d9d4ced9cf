"""Fischer, Orescanin and Eckstrand, VI-PANN (2024)."""

# prefix: of the names of its tables and figures among a run's results; upstream: its name of the
# dataset that networks are pretrained on.
PAPER = {
    "short": "VI-PANN",
    "citation": "Fischer, Orescanin and Eckstrand, *VI-PANN* (2024)",
    "prefix": "",
    "upstream": "AudioSet",
}

"""Fischer, Orescanin and Eckstrand, VI-PANN (2024)."""

# prefix: of the names of its tables and figures among a run's results.
PAPER = {"short": "VI-PANN", "prefix": ""}

"""VI-PANN: Bayesian transfer learning and uncertainty in audio pattern recognition."""

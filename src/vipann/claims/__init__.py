"""The claims that the paper states in words, judged on a run and on the paper's own numbers."""

"""What papers claim in words, judged on a run and on what they print."""

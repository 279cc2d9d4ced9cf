"""*Audio Visual Event Detection*, a doctoral thesis: its chapters 3, 4 and 6."""

# As in `vipann.papers.vi_pann`. Its tables are numbered by chapter: Table 4.2.
PAPER = {
    "short": "Event detection",
    "citation": "*Audio Visual Event Detection*, a doctoral thesis, chapters 3, 4 and 6",
    "prefix": "event_detection_",
    "upstream": "AudioSet",
}

"""What the paper calls strategies, phases and datasets."""

# The paper's spelling, in the order of its Table 4.
STRATEGY_NAMES = {"flip": "Flip", "det_flip": "Det-Flip", "drop": "Drop", "det": "Det"}
PHASE_NAMES = {
    "pretrained": "Pre-trained",
    "fixed": "Fixed",
    "finetuned": "Fine-Tuned",
    "scratch": "From scratch",
}

# The one dataset that Table 3 is about.
PRETRAINING_DATASET = "AudioSet"
PRETRAINING_CLASSES = 527  # section 4.1
TRANSFER_DATASETS = ("ESC-50", "UrbanSound8K", "DCASE2013")

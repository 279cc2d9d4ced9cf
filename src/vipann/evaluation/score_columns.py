"""What the files of variants' scores are made of (`vipann.evaluation.variant_metrics`): for those
who read them, which takes none of the libraries that scoring takes."""

# The label set that predictions hold themselves.
ORIGINAL = "original"
COLUMNS = ["kind", "name", "variant", "seed", "epoch", "label_set", "metric", "value"]
PER_CLASS_COLUMNS = ["kind", "name", "label_set", "class", "AP", "AUC", "train_clips"]

"""A recipe for tests that train something tiny."""

from vipann.training.recipe import Recipe


def recipe(**changes):
    """Four clips a batch, a constant rate, nothing augmented; with `changes`."""
    no_stripes = dict.fromkeys(("time_stripes", "time_width", "mel_stripes", "mel_width"), 0)
    given = {"batch_size": 4, "learning_rate": 0.1, "learning_rate_schedule": "constant"}
    given |= {"amsgrad": True, "mixup_alpha": 0.0, "spec_augment": no_stripes}
    return Recipe(**given | changes)

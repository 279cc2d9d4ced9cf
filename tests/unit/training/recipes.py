"""What tests train: a recipe for something tiny, and the stages with their jobs spelt out."""

from vipann.training import stages
from vipann.training.launch import Runtime
from vipann.training.recipe import Recipe
from vipann.training.stages import Job


def recipe(**changes):
    """Four clips a batch, a constant rate, nothing augmented; with `changes`."""
    no_stripes = dict.fromkeys(("time_stripes", "time_width", "mel_stripes", "mel_width"), 0)
    given = {"batch_size": 4, "learning_rate": 0.1, "learning_rate_schedule": "constant"}
    given |= {"amsgrad": True, "mixup_alpha": 0.0, "spec_augment": no_stripes}
    return Recipe(**given | changes)


def pretrain(strategy, features, start, settings, out, runtime=Runtime()):  # noqa: B008
    stages.pretrain(Job(strategy, "pretrained", 0, features, start, settings, out), runtime)


def transfer(strategy, phase, fold, features, start, settings, out, runtime=Runtime()):  # noqa: B008
    stages.transfer(Job(strategy, phase, fold, features, start, settings, out), runtime)


def train_from_scratch(strategy, fold, features, settings, out, runtime=Runtime(), start=None):  # noqa: B008
    job = Job(strategy, "scratch", fold, features, start, settings, out)
    stages.train_from_scratch(job, runtime)

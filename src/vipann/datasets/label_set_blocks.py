"""What a config's `label_sets` ask for, judged before anything is downloaded.

Standard library only, as `vipann.config`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipann.parts import Fault
from vipann.variants import UPSTREAM_STAGE, is_ensemble_on_folds, names_of


def label_set_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """Label sets without upstream data, of a teacher that the run does not have or that learns from
    them, or without an ontology; and imported ones whose makers are not named."""
    for name, block in config.get("label_sets", {}).items():
        key = f"label_sets.{name}"
        if ("teacher" in block) == ("file" in block):
            yield key, "needs either `teacher` or `file`"
        elif config["upstream"] is None:
            yield key, "is of the upstream set, and `upstream` is null"
        elif "file" in block:
            foreign = sorted({"threshold", "types", "ancestors"} & set(block))
            if foreign:
                yield f"{key}.{foreign[0]}", "goes with `teacher`, not with `file`"
            if "about" not in block:
                yield key, "needs `about`: who, or what, made these labels, for captions"
        else:
            yield from _teacher_faults(config, key, name, block["teacher"])
            upstream = config["upstream"]
            if not config["datasets"].get(upstream, {}).get("ontology"):
                yield (
                    key,
                    f"needs datasets.{upstream}.ontology, the file of which classes are kinds",
                )


def _teacher_faults(
    config: Mapping[str, Any], key: str, name: str, teacher: str
) -> Iterator[Fault]:
    """Networks that are trained on folds have heard nothing of the upstream set's classes."""
    ensembles = [one for one in config["ensembles"] if not is_ensemble_on_folds(config, one)]
    variants = {one: config["variants"][one] for one in names_of(config, UPSTREAM_STAGE)}
    variant, _, seed = teacher.partition("/")
    known = [f"{one}/{seed}" for one in variants for seed in config["seeds"]]
    if teacher not in (known if seed else ensembles):
        shown = ", ".join([*known, *ensembles]) or "none"
        text = f"{teacher!r} is no network of upstream `variants` and none of `ensembles` of these"
        yield f"{key}.teacher", f"{text}; known: {shown}"
    elif seed:
        own = variants[variant].get("pretrain", {})
        if own.get("label_set", config["pretrain"].get("label_set")) == name:
            yield f"{key}.teacher", f"{teacher!r} itself learns the labels of {name!r}"

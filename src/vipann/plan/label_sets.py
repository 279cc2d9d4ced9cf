"""A run's label sets, other labels of the upstream set's clips, and the jobs that make them."""

from collections.abc import Mapping
from typing import Any

from vipann.plan.datasets import archive_path, audio_of, file_key, manifest_of
from vipann.plan.run import Run
from vipann.plan.variants import predictions_of


def _upstream(run: Run) -> str:
    """Every label set is of its clips."""
    assert run.upstream, "refused by vipann.datasets.label_set_blocks"
    return run.upstream


def label_set_of(run: Run, name: str) -> str:
    return f"{run.results}/label_sets/{name}.parquet"


def label_set_counts(run: Run, name: str) -> str:
    """How many labels of each class were added and taken, and why."""
    return f"{run.results}/label_sets/{name}.csv"


def enhanced(run: Run) -> list[str]:
    """Those that a teacher of the run makes; the others are imported."""
    return [name for name, block in run.config["label_sets"].items() if "teacher" in block]


def imported(run: Run) -> list[str]:
    return [name for name in run.config["label_sets"] if name not in enhanced(run)]


def label_set_entry(run: Run, name: str) -> Mapping[str, Any]:
    """The file of an imported one, as `archives` have it."""
    ours = ("about", "split")
    return {key: each for key, each in run.config["label_sets"][name].items() if key not in ours}


def label_set_inputs(run: Run, name: str) -> dict[str, str]:
    """manifest and audio (which may say what classes are called in an ontology); and either
    predictions and ontology, or the relabelled list."""
    block, upstream = run.config["label_sets"][name], _upstream(run)
    inputs = {"manifest": manifest_of(run, upstream), "audio": audio_of(run, upstream)}
    if "file" in block:
        key = file_key(label_set_entry(run, name))
        path = f"{run.data}/label_sets/{name}/{key}/{block['file']}"
        return inputs | {"relabelled": path}
    return inputs | {
        "predictions": predictions_of(run, block["teacher"], split_of(run, name) == "train"),
        "ontology": archive_path(run, upstream, run.blocks[upstream]["ontology"]),
    }


def split_of(run: Run, name: str) -> str:
    """Whose clips have new labels in it; those of the others keep theirs."""
    return run.config["label_sets"][name].get("split", "train")


def label_set_settings(run: Run, name: str) -> dict[str, Any]:
    block = run.config["label_sets"][name]
    adapter = run.blocks[_upstream(run)]["adapter"]
    common = {"adapter": adapter, "split": split_of(run, name)}
    if "file" in block:
        how = {"about": block["about"]}
    else:
        how = {
            "threshold": block.get("threshold", "mean"),
            "types": sorted(block.get("types", ["child", "parent"])),
            "ancestors": block.get("ancestors", "parent"),
        }
        level = (
            how["threshold"] if how["threshold"] == "mean" else f"{how['threshold']}th percentile"
        )
        how["about"] = (
            f"enhanced by {block['teacher']}: {' and '.join(how['types'])} labels, {level}"
        )
    chosen = (f"vipann.datasets.adapters.{adapter}",)
    return run.settings("label_set.py", chosen=chosen, **common, **how)

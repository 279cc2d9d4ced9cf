"""Files of weights that the config names in the place of a training, and where they lie."""

from pathlib import Path
from typing import Any

from vipann.config import imagenet_entries, trained_upstream
from vipann.errors import UserError
from vipann.parts import feature_settings
from vipann.plan.datasets import download_settings, file_key
from vipann.plan.networks import UPSTREAM_STRATEGIES, Network, form_of
from vipann.plan.run import Run
from vipann.provenance.stamps import large_file_stamp


def file_of(run: Run, strategy: str) -> str | None:
    """The file that an upstream network is imported from, None where it is trained."""
    if strategy in trained_upstream(run.config["pretrain"]):
        return None
    if block := run.config["pretrain"]["checkpoints"].get(strategy):
        downloaded = f"{run.data}/weights/{strategy}/{file_key(block)}/{block.get('file')}"
        return block.get("path") or downloaded
    return Network(run, "moped" if strategy == "flip" else "det").checkpoint


def entry_of(run: Run, strategy: str) -> dict[str, Any]:
    """The config's block of the file of `strategy`; empty where MOPED or det gives the weights."""
    return dict(run.config["pretrain"]["checkpoints"].get(strategy) or {})


def inputs_of(run: Run, strategy: str) -> list[str]:
    """The imported file, with its sidecar if it has one.

    A file that the user has yet to place is left out: then the job says where it comes from.
    """
    weights = file_of(run, strategy)
    by_hand = "path" in entry_of(run, strategy)
    if weights is None or (by_hand and not Path(weights).exists()):
        return []
    own = weights.endswith(".safetensors")
    return [weights, weights.removesuffix(".safetensors") + ".json"] if own else [weights]


def import_settings(run: Run, strategy: str) -> dict[str, Any]:
    """With the state of a file that the user has placed: another one may bear the same time."""
    entry = entry_of(run, strategy)
    placed: dict[str, Any] = {"placed": large_file_stamp(entry["path"])} if "path" in entry else {}
    return run.settings(
        "import_weights.py",
        **download_settings(entry),
        **placed,
        features=feature_settings(run.config["features"]),
        **form_of(run, strategy),
    )


def imagenet_settings(run: Run, file: str) -> dict[str, Any]:
    entries = [entry for entry in imagenet_entries(run.config) if entry["file"] == file]
    return download_settings(next(iter(entries), {}))


def refuse_lost(run: Run) -> None:
    """Stop a plan that would delete what was imported from files that are no longer there.

    Raises:
        UserError: names the key and the file.
    """
    for strategy in UPSTREAM_STRATEGIES:
        path, made = entry_of(run, strategy).get("path"), Network(run, strategy).checkpoint
        if path and file_of(run, strategy) and Path(made).exists() and not Path(path).exists():
            raise UserError(
                f"pretrain.checkpoints.{strategy}.path: {path} is not there any more, from which "
                f"{made} was imported. Put it back, or name that checkpoint as the path of a run "
                "of another name."
            )

"""Checkpoints: weights as safetensors and, beside them, a JSON file on where they come from."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vipann.errors import UserError
from vipann.files import replacing
from vipann.models.bayesian import deterministic_layers
from vipann.models.first_house import facts_now, name_now


def sidecar_of(path: Path | str) -> Path:
    """The JSON file that belongs to a checkpoint."""
    return Path(path).with_suffix(".json")


def unnamed_classes(count: int) -> list[str]:
    """What stands for class names in the sidecar of weights that came without them."""
    return [f"class {i}" for i in range(count)]


def match_classes(
    trained: Sequence[str], checkpoint: Path | str, found: Sequence[str], features: Path | str
) -> list[str]:
    """The names `found` in `features`, once they are known to be those of the network's outputs.

    Of weights that came without names only the number can be compared.

    Raises:
        UserError: `trained`, of `checkpoint`, differs from them in number, names or order.
    """
    if len(trained) != len(found):
        raise UserError(f"{checkpoint} has {len(trained)} classes, and {features} has {len(found)}")
    if list(trained) not in (list(found), unnamed_classes(len(found))):
        first = next(i for i, name in enumerate(trained) if name != found[i])
        raise UserError(
            f"{checkpoint} and {features} differ in their classes or the order of them: class "
            f"{first} is {trained[first]!r} in the one, {found[first]!r} in the other"
        )
    return list(found)


def save_checkpoint(network: nn.Module, path: Path | str, facts: Mapping[str, Any]) -> None:
    """Write the network's state dict to `path` and `facts` (JSON-like) to its sidecar.

    That of a Flipout network also names its `deterministic_layers`, if it has any.
    """
    if facts.get("strategy") == "flip" and (points := deterministic_layers(network)):
        facts = {**facts, "deterministic_layers": points}
    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    with replacing(sidecar_of(path)) as beside:
        beside.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    with replacing(path) as beside:
        save_file(state, beside)
        # safetensors makes files that no one else may read, whatever the umask.
        shutil.copymode(sidecar_of(path), beside)


def load_checkpoint(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """State dict (on the CPU) and facts of a checkpoint, also of one made before there were parts.

    Raises:
        UserError: a file is missing, truncated or not a checkpoint of this project.
    """
    try:
        state, facts = load_file(path), json.loads(sidecar_of(path).read_text())
    except FileNotFoundError as error:
        raise UserError(f"checkpoint {path}: {error.filename} is missing") from error
    except (SafetensorError, json.JSONDecodeError) as error:
        raise UserError(
            f"checkpoint {path} is broken ({error}): delete it and run the workflow again"
        ) from error
    return {name_now(name): value for name, value in state.items()}, facts_now(facts)

"""Files of weights from others, as torch.save writes them: read without running code from them."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vipann.errors import UserError

_WRAPPERS = ("model", "state_dict")
# DataParallel, Lightning and torch.compile put these before the names of what they hold.
_PREFIXES = ("module.", "model.", "_orig_mod.")
_NESTED = 8
_NAMED = 5
# torch.save does not compress; some people's own tools do, to a tenth less.
_LARGEST_EXPANSION = 4
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_COUNTER = "num_batches_tracked"


def read_tensors(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a state dict by name, on the CPU; nothing of their values is looked at.

    They may lie under `model` or `state_dict`, and their names below `module.`, `model.` or
    `_orig_mod.`.

    Raises:
        UserError: the file is broken, no state dict, holds code, or unpacks to far more than its
            own size.
    """
    _refuse_expansion(path)
    state = _tensors(_unpickle(path), path)
    while prefix := next((p for p in _PREFIXES if all(n.startswith(p) for n in state)), None):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def refuse_unfit(tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Check that all tensors can be a network's: floating point but for batch norm's counters,
    dense, as large as they claim to be, finite.

    Raises:
        UserError: names those that are not.
    """
    faults = [
        f"{name} {fault}" for name, value in tensors.items() if (fault := _fault(name, value))
    ]
    if faults:
        more = f" and {len(faults) - _NAMED} more" * (len(faults) > _NAMED)
        raise UserError(f"{path} holds no network's weights: {'; '.join(faults[:_NAMED])}{more}")
    if broken := [name for name, value in tensors.items() if not torch.isfinite(value).all()]:
        raise UserError(f"{path} holds values that are not finite in: {', '.join(broken)}")


def _fault(name: str, value: Tensor) -> str | None:
    """What of a tensor no network can have; values, which may be missing, are looked at last."""
    part = name.rpartition(".")[2]
    if value.is_meta:
        return "has a shape and no values (device meta)"
    if value.layout != torch.strided or value.is_quantized:
        return f"is {'quantized' if value.is_quantized else 'sparse'}"
    if value.dtype not in _FLOATS and part != _COUNTER:
        return f"is {str(value.dtype).removeprefix('torch.')}, not floating point"
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        return f"claims the shape {tuple(value.shape)} of {value.untyped_storage().nbytes()} bytes"
    if value.dim() == 0 and part != _COUNTER:
        return "is a single number"
    if part == "running_var" and (value < 0).any():
        return "is a variance below 0"
    return None


def _refuse_expansion(path: Path | str) -> None:
    file = Path(path)
    if not file.is_file() or not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        unpacked, size = sum(item.file_size for item in archive.infolist()), file.stat().st_size
    if unpacked > _LARGEST_EXPANSION * size:
        raise UserError(
            f"{path} is {size / 1e6:.3g} MB and would unpack to {unpacked / 1e6:.3g} MB, which "
            "files of weights do not"
        )


def _unpickle(path: Path | str) -> Any:
    """What torch.save wrote, restricted to tensors, plain containers and numpy's arrays."""
    # The PANNs' training saves the state of its sampler, numpy arrays, beside the weights.
    arrays = [
        np.ndarray,
        np.dtype,
        *(getattr(np.dtypes, name) for name in np.dtypes.__all__),
        *(
            (getattr(np._core.multiarray, function), f"numpy.{core}.multiarray.{function}")  # type: ignore[attr-defined]
            for core in ("core", "_core")
            for function in ("_reconstruct", "scalar")
        ),
    ]
    try:
        with torch.serialization.safe_globals(arrays):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except Exception as error:  # torch raises anything on a file that is something else
        raise UserError(
            f"{path} is no file of weights: it is broken, or holds more than tensors, which is "
            f"refused because it could run code ({_reason(error)})"
        ) from error


def _reason(error: Exception) -> str:
    """What torch met, without its advice to load the file all the same."""
    text = str(error).strip() or type(error).__name__
    if "TorchScript" in text:
        return "it is a TorchScript program"
    met = re.search(r"WeightsUnpickler error:\s*(.+)", text)
    reason = met[1].partition(" was not an allowed")[0] if met else text.splitlines()[0]
    return reason if "weights_only" not in reason else type(error).__name__


def _unwrapped(content: Any) -> Any:
    for _ in range(_NESTED):
        if not isinstance(content, Mapping):
            break
        inner = (content.get(key) for key in _WRAPPERS)
        wrapped = next((value for value in inner if isinstance(value, Mapping)), None)
        if wrapped is None:
            break
        content = wrapped
    return content


def _tensors(content: Any, path: Path | str) -> dict[str, Tensor]:
    content = _unwrapped(content)
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())
    ):
        what = f"the keys {sorted(map(str, content))[:5]}" if isinstance(content, Mapping) else ""
        raise UserError(
            f"{path} holds no state dict (tensors by name, perhaps under `model` or `state_dict`) "
            f"but {what or type(content).__name__}"
        )
    return dict(content)

"""Adapters by name: each is a module of this package with `place_audio` and `list_clips`."""

from importlib import import_module
from types import ModuleType

from vipann.errors import UserError

ADAPTERS = (
    "synthetic",
    "esc50",
    "urbansound8k",
    "mixtures",
    "folder",
    "dcase2013",
    "shipsear",
    "audioset",
    "audioset_vggish",
)

# `place_audio` of these draws from its seed. The others get None: their audio is any run's.
DRAWING_ADAPTERS = ("synthetic", "mixtures")

# Their folds and splits are their publishers', against which the results of others are held: they
# are kept as they are, also where one recording lies in two of them, and that is reported. It does
# in ESC-50: Freesound's 131943, 134049, 209698 and 234879 are cut into clips of two classes, in two
# folds each.
AS_PUBLISHED = ("esc50", "urbansound8k", "dcase2013", "audioset", "audioset_vggish")


def adapter(name: str) -> ModuleType:
    """Return the adapter module; UserError, with the known names, where there is none."""
    if name not in ADAPTERS:
        known = ", ".join(ADAPTERS)
        raise UserError(f"datasets: there is no adapter {name!r}; `adapter` is one of: {known}.")
    return import_module(f"vipann.datasets.{name}")

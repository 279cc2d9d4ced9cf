"""Adapters by name, and what each declares of itself: planning reads it without importing one.

DRAWN: its `place_audio` draws from a seed. Others get none: their audio is any run's.
AS_PUBLISHED: its folds and splits are its publisher's, against which the results of others are
held: they are kept where one recording lies in two of them, and that is reported.
STRONG_LABELS: its function `strong_labels(folder, block)` knows when events begin and end.
SUMS_BY_OPTION: it computes the clips' sums with options.checksums only.
"""

from pathlib import Path
from types import ModuleType

from vipann.registry import choices, declared, load, module_of

PACKAGE = "vipann.datasets.adapters"


def adapter(name: str) -> ModuleType:
    """Return the adapter module; UserError, with the known names, where there is none."""
    return load(module_of(PACKAGE, name, "adapter of a dataset"))


def class_ids(name: str, folder: Path) -> dict[str, str]:
    """Class -> its entry in an ontology, by the adapters that know: those with a function
    `class_ids`; `folder` is the one with the audio. Classes of others are called as entries are."""
    find = getattr(adapter(name), "class_ids", None)
    return find(folder) if find else {}


def declares(name: str, constant: str) -> bool:
    """Whether an adapter has the constant `constant` (see above), and it is true."""
    try:
        return declared(module_of(PACKAGE, name, "adapter of a dataset"), constant)
    except LookupError:
        return False


DRAWING_ADAPTERS = tuple(name for name in choices(PACKAGE) if declares(name, "DRAWN"))
STRONGLY_LABELLED = tuple(name for name in choices(PACKAGE) if declares(name, "STRONG_LABELS"))

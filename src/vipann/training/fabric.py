"""Lightning's Fabric, without packages that its import asks for and no training here needs.

Fabric imports torchmetrics to read its version, for a callback that we don't use; with torchmetrics
come matplotlib, scipy's signal processing and torchvision, half of a short job's time.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _absent(package: str) -> Iterator[None]:
    loaded = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if loaded is None:
            del sys.modules[package]
        else:
            sys.modules[package] = loaded


with _absent("torchmetrics"):
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.plugins.environments.lightning import find_free_network_port
    from lightning_fabric.strategies import DDPStrategy
    from lightning_fabric.utilities.seed import seed_everything

__all__ = [
    "DDPStrategy",
    "Fabric",
    "LightningEnvironment",
    "find_free_network_port",
    "seed_everything",
]

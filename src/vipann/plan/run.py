"""A run: the config of one folder of results, with what follows from it for every stage."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vipann.config import derived_config, folds_of, in_order
from vipann.datasets.windows import dataset_blocks, windows_of
from vipann.parts import feature_settings
from vipann.provenance.code_record import Code
from vipann.provenance.fingerprint import counted, fingerprint
from vipann.seeds import derive_seed


@dataclass(frozen=True, eq=False)
class Run:
    """A checked config, and the checkout whose code its jobs run.

    root: the repository; config: merged and checked (`vipann.config.check_config`); paper_config:
    config/config.yaml alone, the paper's own settings; codes: what the fingerprints of its jobs
    stand for, of those that were asked for; front_end: of a variant whose features are not the
    run's, what its front end and settings are called in paths, "logmel_1c0ffee5".
    """

    root: Path
    config: Mapping[str, Any]
    paper_config: Mapping[str, Any]
    codes: dict[str, Code] = field(default_factory=dict)
    front_end: str = ""

    def of_variant(self, variant: str) -> "Run":
        """The same run with a variant's departure in its config."""
        config = derived_config(self.config, variant)
        own, features = (feature_settings(one["features"]) for one in (self.config, config))
        front_end = self.front_end
        if features != own:
            text = json.dumps(in_order(features)).encode()
            front_end = f"{features['front_end']}_{hashlib.sha256(text).hexdigest()[:8]}"
        return Run(self.root, config, self.paper_config, self.codes, front_end)

    @property
    def results(self) -> str:
        """The run's folder, as the paths of all its files start."""
        return f"results/{self.config['run']}"

    @property
    def data(self) -> str:
        """The folder of downloads and audio, which runs share."""
        return self.config["data"]["dir"]

    @property
    def upstream(self) -> str | None:
        return self.config["upstream"]

    @property
    def ood(self) -> str | None:
        return self.config["ood"]

    @property
    def transfer_datasets(self) -> list[str]:
        return self.config["transfer_datasets"]

    @property
    def tested(self) -> list[str]:
        """What networks are tested on; without upstream data, or without transfer, one of both."""
        return [name for name in [self.upstream, *self.transfer_datasets] if name]

    @property
    def synthetic(self) -> bool:
        """Whether every sound that networks are tested on is."""
        return all(self.blocks[name]["adapter"] == "synthetic" for name in self.tested)

    @cached_property
    def ood_windows(self) -> dict[str, str]:
        """Dataset -> the out-of-distribution set in windows of the length of its own clips."""
        return windows_of(self.config)

    @cached_property
    def blocks(self) -> dict[str, Any]:
        """The config's blocks of datasets, with one for each of `ood_windows`."""
        return dataset_blocks(self.config)

    def folds(self, dataset: str) -> list[int]:
        return folds_of(self.config, dataset)

    def settings(
        self,
        script: str,
        *seed_names: object,
        chosen: tuple[str, ...] = (),
        notebook: str | None = None,
        **values: object,
    ) -> dict[str, Any]:
        """What a job depends on besides its input files: config values, seed and code, sorted.

        With `seed_names` comes a seed derived from them. `chosen` are modules that the script
        imports by a computed name (`vipann.registry`); `notebook` (a path below the repository) is
        one that it executes.
        """
        executed = self.root / notebook if notebook else None
        source = (self.root / "workflow/scripts" / script, self.root / "src", chosen, executed)
        values["code"] = code = fingerprint(*source)
        self.codes[code] = Code(script, counted(*source))
        if seed_names:
            values["seed"] = derive_seed(self.config["seed"], *seed_names)
        return in_order(values)

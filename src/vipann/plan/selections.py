"""Which clips networks of transfer are trained on and tested with, where that is not all of them:
`transfer.train_fraction` and `transfer.held_out_classes`."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vipann.plan.datasets import features_of, key_of
from vipann.plan.run import Run


@dataclass(frozen=True, eq=False)
class Selection:
    """Of the clips of a dataset; run: the run, or that of a variant."""

    run: Run
    dataset: str

    @property
    def fraction(self) -> float:
        """Of the recordings of each class that train."""
        return float(self.run.config["transfer"].get("train_fraction", 1.0))

    @property
    def held_out(self) -> list[str]:
        """The classes that networks are never shown."""
        chosen = self.run.config["transfer"].get("held_out_classes") or {}
        return sorted(chosen.get(self.dataset, []))

    @property
    def is_all(self) -> bool:
        return self.fraction == 1 and not self.held_out

    @cached_property
    def name(self) -> str:
        """In paths; "selection_1c0ffee5"."""
        return f"selection_{key_of({'fraction': self.fraction, 'held_out': self.held_out})}"

    @property
    def clips(self) -> str:
        """The list that says what each clip is for."""
        return f"{self.run.results}/manifests/{self.name}/{self.dataset}.csv"

    @property
    def place(self) -> str:
        """Where its feature files lie, below the folder of all features."""
        front_end = [self.run.front_end] if self.run.front_end else []
        return "/".join([*front_end, self.name, self.dataset])

    @property
    def whole(self) -> str:
        """The feature file of all clips."""
        return features_of(self.run, self.dataset)

    def features(self, use: str) -> str:
        """learnt, tested or unknown (`vipann.features.selected`)."""
        if self.is_all or (use == "tested" and not self.held_out):
            return self.whole
        return f"{self.run.results}/features/{self.place}.{use}.h5"

    @property
    def settings(self) -> dict[str, Any]:
        """Of the job that makes the list: the same draws for any fraction."""
        return self.run.settings(
            "select_clips.py",
            "selection",
            self.dataset,
            dataset=self.dataset,
            fraction=self.fraction,
            held_out=self.held_out,
            validation=self.run.config["validation"]["split"],
        )

    @property
    def features_settings(self) -> dict[str, Any]:
        return self.run.settings("select_features.py", held_out=self.held_out)


def selections(run: Run) -> list[Selection]:
    """Those of the run and of its variants, some of them the same."""
    runs = [run, *(run.of_variant(name) for name in run.config["variants"])]
    every = [Selection(one, dataset) for one in runs for dataset in run.transfer_datasets]
    return [one for one in every if not one.is_all]

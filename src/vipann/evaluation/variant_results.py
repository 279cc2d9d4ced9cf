"""Where tables, figures and claims look for the scores of a run's variants, averages and ensembles:
in the files that `vipann.evaluation.variant_metrics` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from vipann.evaluation.score_columns import COLUMNS, ORIGINAL, PER_CLASS_COLUMNS
from vipann.variants import chosen_epochs

NETWORK, AVERAGE, ENSEMBLE = "network", "average", "ensemble"
LAST = -1  # stands for no epoch: what training ended with


@dataclass(frozen=True)
class Results:
    """scores: columns COLUMNS, a row for each number; classes: columns PER_CLASS_COLUMNS.

    A network is called "<variant>/<seed>". Where this module takes a name, it is that of a variant,
    whose networks are its seeds, of an average or of an ensemble.
    """

    scores: pd.DataFrame
    classes: pd.DataFrame

    @cached_property
    def _by_name(self) -> pd.Series:
        """Of what training ended with: indexed by name, label set, metric and seed."""
        ends = self.scores[self.scores["epoch"].fillna(LAST) == LAST]
        called = [
            _called(*row) for row in zip(ends["kind"], ends["name"], ends["variant"], strict=True)
        ]
        ends = ends.assign(called=called, seed=ends["seed"].fillna(0).astype(int))
        keys = ["called", "label_set", "metric", "seed"]
        return ends.set_index(keys)["value"].sort_index()

    @property
    def names(self) -> set[str]:
        """Of variants, averages and ensembles."""
        return set(self._by_name.index.get_level_values("called"))

    def first_of(self, names: Sequence[str] | str) -> str | None:
        """The first of several names that the run has."""
        names = [names] if isinstance(names, str) else names
        return next((name for name in names if name in self.names), None)

    def by_seed(self, name: str, metric: str = "mAP", label_set: str = ORIGINAL) -> pd.Series:
        """Seed -> value; an ensemble has one, whose seed is 0. Empty where there is none."""
        try:
            return self._by_name.loc[(name, label_set, metric)].dropna()
        except KeyError:
            return pd.Series(dtype="float64")

    def epochs(self, variant: str, metric: str = "mAP") -> pd.DataFrame:
        """A row an epoch, ascending, a column a seed."""
        frame = self.scores[self.scores["epoch"].fillna(LAST) != LAST]
        chosen = (frame["kind"] == NETWORK) & (frame["variant"] == variant)
        frame = frame[chosen & (frame["metric"] == metric) & (frame["label_set"] == ORIGINAL)]
        return frame.pivot_table(index="epoch", columns="seed", values="value")

    def per_class(self, name: str, column: str = "AP", label_set: str = ORIGINAL) -> pd.DataFrame:
        """A row a class, a column each network of the variant, or the one ensemble."""
        frame = self.classes[self.classes["label_set"] == label_set]
        ours = [
            one == name or (kind == NETWORK and one.rpartition("/")[0] == name)
            for kind, one in zip(frame["kind"], frame["name"], strict=True)
        ]
        return frame[ours].pivot_table(index="class", columns="name", values=column, sort=False)

    @cached_property
    def train_clips(self) -> pd.Series:
        """Class -> clips of the train list."""
        own = self.classes[self.classes["label_set"] == ORIGINAL]
        return own.drop_duplicates("class").set_index("class")["train_clips"]


def _called(kind: str, name: str, variant: str) -> str:
    """What the numbers of all seeds share: of networks the variant, of averages their own name."""
    if kind == NETWORK:
        return variant
    return name.rpartition("/")[2].rpartition(".")[2] if kind == AVERAGE else name


def read_results(sources: Mapping[str, Sequence[str]]) -> Results:
    """sources: variants, per_class: the run's result files, of one upstream dataset."""
    scores, classes = (
        pd.concat([pd.read_parquet(path) for path in sources.get(name, [])], ignore_index=True)
        if sources.get(name)
        else pd.DataFrame(columns=columns)
        for name, columns in (("variants", COLUMNS), ("per_class", PER_CLASS_COLUMNS))
    )
    return Results(scores, classes)


def spread(values: Sequence[float]) -> float:
    """Standard deviation over seeds, n - 1 below; NaN for one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def members_of(results: Results, block: Mapping[str, Any]) -> pd.Series:
    """mAP of each member of an ensemble, as far as they were scored: by network, or network and
    epoch. block: of the config's `ensembles`."""
    frame = results.scores
    frame = frame[(frame["kind"] == NETWORK) & (frame["metric"] == "mAP")]
    frame = frame[frame["label_set"] == ORIGINAL]
    chosen = [
        any(fnmatchcase(name, pattern) for pattern in block["members"]) for name in frame["name"]
    ]
    frame = frame[chosen]
    epoch = frame["epoch"].fillna(LAST)
    if (wanted := block.get("epochs")) is None:
        return frame[epoch == LAST].set_index("name")["value"]
    most = int(epoch.max())
    epochs = chosen_epochs({"epochs": most, "keep_epochs": most}, wanted)
    frame = frame[(epoch >= 1) & epoch.isin(epochs)]
    return frame.set_index(["name", "epoch"])["value"].sort_index()

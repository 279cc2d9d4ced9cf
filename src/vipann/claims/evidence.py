"""Where claims look for numbers: one dataset of a run, in its three result files.

Whoever changes the columns of the result files changes this module, and no claim.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.claims.judgement import Unjudged
from vipann.claims.testing import Test, all_of, over_folds, over_recordings
from vipann.errors import UserError
from vipann.evaluation.interval import Kind
from vipann.evaluation.retention import RANDOM

Model = tuple[str, str]  # strategy, phase
RESULT_FILES = ("metrics", "retention", "uncertainty")


@dataclass(frozen=True)
class RunView:
    """One dataset's frames of a run.

    dataset: its key; paper_name: the paper's name of it, None where it is not the paper's own;
    training_folds: how many each of its networks was trained on, whether or not all were tested; 0
    upstream; metrics, retention, uncertainty: the three result files' frames; interval: the kind
    that is reported of replications (`vipann.evaluation.interval`); named: a model in the paper's
    words.
    """

    dataset: str
    paper_name: str | None
    training_folds: int
    metrics: pd.DataFrame
    retention: pd.DataFrame
    uncertainty: pd.DataFrame
    interval: Kind = "percentile"
    named: Callable[[Model], str] = " ".join

    def by_fold(self, model: Model, metric: str) -> pd.Series:
        """Mean over replications of a metric on own clips, by fold.

        Raises Unjudged where the run has no such number.
        """
        try:
            found = self._by_fold.loc[(*model, metric)]
        except KeyError:
            found = pd.Series(dtype="float64")
        if found.empty or found.isna().any():
            raise Unjudged(f"this run has no {metric} of {self.named(model)}")
        return found

    def score(self, model: Model, metric: str = "accuracy") -> float:
        """Mean over folds of the mean over replications."""
        return float(self.by_fold(model, metric).mean())

    def exceeds(
        self, better: Model, worse: Model, margin: float = 0.0, metric: str = "accuracy"
    ) -> Test:
        """Test that `better` scores more than `margin` above `worse`, over the folds of both."""
        one, other = self.by_fold(better, metric), self.by_fold(worse, metric)
        return over_folds((one - other).dropna().to_list(), self.training_folds, margin)

    def reaches(self, model: Model, bound: float) -> Test:
        """Test that the model's accuracy is above `bound`, over its folds."""
        values = self.by_fold(model, "accuracy") - bound
        return over_folds(values.to_list(), self.training_folds)

    def curves(self, model: Model, uncertainty: str) -> pd.DataFrame:
        """Retention curve, mean over replications: a row a fold, a column a retained fraction,
        ascending to 1."""
        frame = self._of(self.retention, model, uncertainty)
        if frame.empty:
            raise Unjudged(f"this run has no retention curve of {self.named(model)}")
        curves = frame.pivot_table(index="fold", columns="retained_fraction", values="value")
        return curves.sort_index(axis=1)

    def gains(self, model: Model, uncertainty: str) -> pd.DataFrame:
        """Retention gains: a row a fold, a column a replication, or a random order of the clips."""
        frame = self.metrics[self.metrics["metric"] == f"retention_gain_{uncertainty}"]
        frame = frame[(frame["strategy"] == model[0]) & (frame["phase"] == model[1])]
        return frame.pivot_table(index="fold", columns="replication", values="value")

    def random_orders(self, model: Model) -> np.ndarray | None:
        """Retention gains of clips in random order, the mean over folds of each order: (orders,).
        None for accuracy, whose expectation no random order changes."""
        gains = self.gains(model, RANDOM)
        if not gains.empty:
            return gains.mean().to_numpy()
        if (self.retention["score"] == "accuracy").all():
            return None
        raise Unjudged(f"this run has no curves of {self.named(model)} with clips in random order")

    def own_counts(self, model: Model) -> tuple[int, int]:
        """How many own clips the model was tested on, and of how many recordings."""
        frame = self._of(self._clips, model, "total")
        own = frame[frame["own"]]
        return len(own), own["recording"].nunique()

    def clips(self, model: Model, uncertainty: str) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Fold -> each own clip's uncertainty, each out-of-distribution clip's, in nats."""
        found = {}
        for fold, clips in self._of(self._clips, model, uncertainty).groupby("fold"):
            own, values = clips["own"].to_numpy(), clips["value"].to_numpy()
            if own.any() and not own.all():
                found[int(fold)] = values[own], values[~own]
        if not found:
            raise Unjudged(f"this run has no out-of-distribution scores of {self.named(model)}")
        return found

    def shift(self, model: Model, uncertainty: str) -> Test:
        """Test that the mean uncertainty of out-of-distribution clips is above that of own clips,
        over recordings and, where there are several networks, over folds as well: these hear the
        same out-of-distribution recordings."""
        gaps = [float(o.mean() - i.mean()) for i, o in self.clips(model, uncertainty).values()]
        return self._over_both(gaps, self._of(self._clips, model, uncertainty))

    def wider(self, model: Model, uncertainty: str) -> Test:
        """Test that out-of-distribution clips spread more widely than own ones: by the distance
        from their median (Brown and Forsythe 1974), over recordings and folds as `shift`."""
        frame = self._of(self._clips, model, uncertainty)
        medians = frame.groupby(["fold", "own"])["value"].transform("median")
        frame = frame.assign(value=(frame["value"] - medians).abs())
        means = frame.groupby(["fold", "own"])["value"].mean().unstack("own")
        gaps = (means[False] - means[True]).dropna().to_list()
        return self._over_both(gaps, frame)

    def shift_below(self, model: Model, uncertainty: str, deviations: float) -> Test:
        """Test that the two means of one network's uncertainty are less than so many standard
        deviations apart, either way (equivalence, Schuirmann 1987)."""
        clips = self.clips(model, uncertainty)
        if len(clips) > 1:
            return Test(None, "no test: several networks")
        inside, outside = next(iter(clips.values()))
        margin = deviations * float(np.sqrt((inside.var(ddof=1) + outside.var(ddof=1)) / 2))
        sides = _by_recording(self._of(self._clips, model, uncertainty))
        return all_of([over_recordings(*pair, -margin) for pair in (sides, sides[::-1])])

    def _over_both(self, gaps: list[float], clips: pd.DataFrame) -> Test:
        over = over_recordings(*_by_recording(clips))
        return over if len(gaps) == 1 else all_of([over, over_folds(gaps, self.training_folds)])

    @cached_property
    def _clips(self) -> pd.DataFrame:
        own = self.uncertainty["scored_dataset"] == self.uncertainty["dataset"]
        return self.uncertainty.assign(own=own)

    @cached_property
    def _by_fold(self) -> pd.Series:
        own = self.metrics[self.metrics["scored_dataset"] == self.metrics["dataset"]]
        keys = ["strategy", "phase", "metric", "fold"]
        return own.groupby(keys)["value"].mean().sort_index()

    @staticmethod
    def _of(frame: pd.DataFrame, model: Model, uncertainty: str) -> pd.DataFrame:
        strategy, phase = model
        return frame[
            (frame["strategy"] == strategy)
            & (frame["phase"] == phase)
            & (frame["uncertainty"] == uncertainty)
        ]


def _by_recording(clips: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean value of each own and each out-of-distribution recording, over clips and folds."""
    means = clips.groupby(["own", "recording"])["value"].mean()
    inside, outside = (
        means[side].to_numpy() if side in means else np.empty(0) for side in (True, False)
    )
    return inside, outside


def read_view(
    dataset: str,
    paper_name: str | None,
    training_folds: int,
    paths: Mapping[str, Path | str],
    interval: Kind,
    named: Callable[[Model], str],
) -> RunView:
    """A `RunView` of the files at `paths`, by RESULT_FILES. Raises UserError for a broken one."""
    frames = {}
    for name in RESULT_FILES:
        try:
            frames[name] = pd.read_parquet(paths[name])
        except (OSError, ValueError) as error:
            raise UserError(
                f"{paths[name]}: not a whole result file ({error}). Delete it and run again: the "
                "rule `metrics` writes it anew."
            ) from error
    return RunView(dataset, paper_name, training_folds, **frames, interval=interval, named=named)

"""What the paper itself prints, seen as a run is (`vipann.claims.evidence.RunView`)."""

from dataclasses import dataclass
from typing import NoReturn

import pandas as pd

from vipann.claims.evidence import Model
from vipann.claims.judgement import Unjudged
from vipann.claims.testing import Test, over_count, over_counts
from vipann.papers.vi_pann.printed import (
    PHASE_NAMES,
    PRETRAINING_DATASET,
    STRATEGY_NAMES,
    TRANSFER_DATASETS,
    paper_value,
    printed_value,
)
from vipann.strategies import ENSEMBLE

# The paper has no ensemble.
STRATEGIES = tuple(name for name in STRATEGY_NAMES if name != ENSEMBLE)
BAYESIAN = ("flip", "det_flip", "drop")
TRANSFERRED = ("fixed", "finetuned")
_COLUMNS = {"Params": "parameters", "MACs": "macs"}


def named(model: Model) -> str:
    """A model in the paper's words: "Det-Flip fine-tuned"."""
    strategy, phase = model
    return f"{STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()}"


@dataclass(frozen=True)
class PrintView:
    """What the paper prints of one of its datasets: Tables 3, 4 and 5. Figures have no numbers."""

    paper_name: str

    @property
    def clip_count(self) -> int:
        """How many clips its accuracies rest on (Table 2)."""
        return int(printed_value(2, self.paper_name, "Num Clips"))

    def score(self, model: Model, metric: str = "accuracy") -> float:
        strategy, phase = model
        if phase == "pretrained":
            table, column = 3, {"d_prime": "d-prime"}.get(metric, metric)
        elif metric != "accuracy":
            raise Unjudged(f"the paper prints no {metric}")
        elif phase == "scratch":
            table, column = 5, self.paper_name
        else:
            table, column = 4, f"{self.paper_name}/{phase}"
        value = paper_value(table, STRATEGY_NAMES[strategy], column)
        if value is None:
            raise Unjudged(f"the paper prints no {metric} of {named(model)}")
        return value

    def exceeds(self, better: Model, worse: Model, margin: float = 0.0) -> Test:
        """As `RunView.exceeds`, from the printed accuracies and the number of clips."""
        if self.paper_name == PRETRAINING_DATASET:
            return Test(None, "no test: one network each")
        return over_counts(self.score(better), self.score(worse), self.clip_count, margin)

    def reaches(self, model: Model, bound: float) -> Test:
        """As `RunView.reaches`, from the printed accuracy and the number of clips."""
        return over_count(self.score(model), self.clip_count, bound)

    def curves(self, *_: object) -> NoReturn:
        raise Unjudged("shown in figures only, without numbers")

    clips = curves


@dataclass(frozen=True)
class SizeView:
    """Params and MACs of the paper's networks: counted by this project, or as printed.

    counts: the frame of `vipann.models.complexity.write_complexities`, None for the print. They are
    about no dataset of a run.
    """

    counts: pd.DataFrame | None
    dataset: str = ""
    paper_name: None = None

    def ratios(self, one: str, other: str, metric: str) -> list[float]:
        """How many times `other`'s Params or MACs `one` has, on each of the paper's datasets."""
        sizes = [[self._size(name, s, metric) for s in (one, other)] for name in TRANSFER_DATASETS]
        return [mine / others for mine, others in sizes]

    def _size(self, dataset: str, strategy: str, metric: str) -> float:
        if self.counts is None:
            return printed_value(1, f"{dataset}/{STRATEGY_NAMES[strategy]}", metric)
        frame = self.counts[self.counts["table"].astype(str) == "1"]
        chosen = frame[(frame["dataset"] == dataset) & (frame["strategy"] == strategy)]
        if chosen.empty:
            raise Unjudged(f"this run has not counted {strategy} on {dataset}")
        return float(chosen[_COLUMNS[metric]].iloc[0])

"""Claims on the size of the paper's networks: Table 1."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from vipann.claims.judgement import (
    FAILS,
    HOLDS,
    Claim,
    Judgement,
    Unjudged,
)
from vipann.papers.vi_pann.printed import STRATEGY_NAMES, TRANSFER_DATASETS, paper_value

# How far a factor may be from 2 and still be "effectively" 2.
EFFECTIVELY = 0.01
LOW_COST = 0.6
# Whatever network a run trains, these claims are about the paper's own, whose size is counted.
NETWORKS = "the paper's networks"
_COLUMNS = {"Params": "parameters", "MACs": "macs"}


@dataclass(frozen=True)
class SizeView:
    """Params and MACs of the paper's networks: counted by this project, or as printed.

    counts: the frame of `vipann.models.complexity.write_complexities`, None for the print.
    """

    counts: pd.DataFrame | None

    def ratios(self, one: str, other: str, metric: str) -> Mapping[str, float]:
        """Dataset -> how many times `other`'s Params or MACs `one` has."""
        return {
            name: self._size(name, one, metric) / self._size(name, other, metric)
            for name in TRANSFER_DATASETS
        }

    def _size(self, dataset: str, strategy: str, metric: str) -> float:
        if self.counts is None:
            return paper_value(1, f"{dataset}/{STRATEGY_NAMES[strategy]}", metric)
        frame = self.counts
        chosen = frame[
            (frame["table"].astype(str) == "1")
            & (frame["dataset"] == dataset)
            & (frame["strategy"] == strategy)
        ]
        if chosen.empty:
            raise Unjudged(f"this run has not counted {strategy} on {dataset}")
        return float(chosen[_COLUMNS[metric]].iloc[0])


def flip_doubles(view: SizeView) -> Judgement:
    ratios = view.ratios("flip", "drop", "Params")
    holds = all(abs(ratio - 2) <= EFFECTIVELY for ratio in ratios.values())
    return Judgement(HOLDS if holds else FAILS, f"{NETWORKS}, Flip / Drop: {_range(ratios)}")


def drop_does_not(view: SizeView) -> Judgement:
    ratios = view.ratios("drop", "det_flip", "Params")
    holds = all(ratio < 1 for ratio in ratios.values())
    return Judgement(HOLDS if holds else FAILS, f"{NETWORKS}, Drop / Det-Flip: {_range(ratios)}")


def det_flip_is_cheap(view: SizeView) -> Judgement:
    params, macs = (view.ratios("det_flip", "flip", metric) for metric in ("Params", "MACs"))
    holds = all(ratio <= LOW_COST for ratio in [*params.values(), *macs.values()])
    numbers = f"{NETWORKS}, Det-Flip / Flip: parameters {_range(params)}, MACs {_range(macs)}"
    return Judgement(HOLDS if holds else FAILS, numbers)


def _range(ratios: Mapping[str, float]) -> str:
    low, high = min(ratios.values()), max(ratios.values())
    return f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"


CLAIMS = (
    Claim(
        "flip_doubles_parameters",
        "2.2, 4.3",
        "[Flipout layers] effectively double the number of model parameters.",
        "cost",
        "Parameters of Flip against Drop, whose form is Det's: 2 within 0.01, on each dataset.",
        flip_doubles,
    ),
    Claim(
        "dropout_adds_no_parameters",
        "2.2",
        "MC dropout does not double the number of model parameters.",
        "cost",
        "Drop has fewer parameters than Det-Flip, the least of the Flipout networks.",
        drop_does_not,
    ),
    Claim(
        "det_flip_low_cost",
        "5",
        "Det-Flip [comes] at a relatively low cost compared to pre-training a full Flipout model.",
        "cost",
        "At most 0.6 of Flip's parameters and MACs; pre-training's own steps (3M and 2M more) are "
        "not in it.",
        det_flip_is_cheap,
    ),
)

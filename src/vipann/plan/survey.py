"""The survey of a user's recordings: which models hear them, and which jobs share them."""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from vipann.errors import UserError
from vipann.parts import chosen_front_end, chosen_parts
from vipann.plan.networks import Network, networks_of, scored_out_of_distribution
from vipann.plan.run import Run
from vipann.provenance.stamps import file_stamp
from vipann.survey.recordings import find_recordings, in_parts

_GIGABYTE = 10**9
_DEFAULTS: dict[str, Any] = {
    "phase": "finetuned",
    "strategies": ["det_flip"],
    "hop_seconds": None,
    "mc_samples": None,
    "part_gigabytes": 20,
    "results": {},
}
_RESULTS = {
    "events": "events.parquet",
    "events_csv": "events.csv",
    "thresholds": "thresholds.csv",
    "counts_per_hour": "counts_per_hour.csv",
    "counts_per_day": "counts_per_day.csv",
    "recordings": "recordings.csv",
    "kaleidoscope": "kaleidoscope.csv",
}


@dataclass(frozen=True)
class SurveyModel:
    """The networks of all folds of one strategy and phase. With "{dataset}" and the like, its paths
    are the patterns of rules."""

    run: Run = field(repr=False)
    dataset: str
    strategy: str
    phase: str

    @property
    def name(self) -> str:
        return f"{self.dataset}/{self.strategy}/{self.phase}"

    @property
    def folder(self) -> str:
        """The model folder, as `vipann export` makes it."""
        return f"{self.run.results}/models/{self.name}"

    @property
    def survey(self) -> str:
        """The survey folder: `shards/`, which its jobs share, and `parts/`."""
        return f"{self.run.results}/survey/{self.name}"

    def part(self, number: int | str) -> str:
        """What the job of a part of the recordings says that it did."""
        return f"{self.survey}/parts/{number}.json"

    @property
    def results(self) -> dict[str, str]:
        """By what they are called: the tables that are made of the survey."""
        return {name: f"{self.survey}/{file}" for name, file in _RESULTS.items()}

    @property
    def networks(self) -> list[Network]:
        return [
            one
            for one in networks_of(self.run, self.dataset)
            if (one.strategy, one.phase) == (self.strategy, self.phase)
        ]

    @property
    def outside(self) -> list[str]:
        """Predictions of out-of-distribution clips, in the order of the networks."""
        scored = {one.name for one in scored_out_of_distribution(self.run, self.dataset)}
        return [one.ood_predictions for one in self.networks if one.name in scored]

    @property
    def export_settings(self) -> dict[str, Any]:
        """Of the job that makes the model folder."""
        return self.run.settings(
            "export_model.py",
            **{key: getattr(self, key) for key in ("dataset", "strategy", "phase")},
            folds=[int(one.fold or 0) for one in self.networks],
        )

    def part_settings(self, number: int) -> dict[str, Any]:
        """Of the job of one part; files that are new, or have changed, are in `stamp`."""
        block = _block(self.run)
        return self.run.settings(
            "survey_part.py",
            *("survey", self.name),
            chosen=(*chosen_parts(self.run.config), *chosen_front_end(self.run.config)),
            **{key: block[key] for key in ("recordings", "part_gigabytes", "hop_seconds")},
            mc_samples=block["mc_samples"],
            precision=self.run.config["evaluation"]["precision"],
            part=number,
            stamp=_stamps(block["recordings"], block["part_gigabytes"])[number - 1],
        )

    @property
    def results_settings(self) -> dict[str, Any]:
        """Of the job that makes them; labels of the review, and a table of starts, count by their
        content."""
        block = _block(self.run)
        results = block["results"]
        review = results.get("review", {}).get("name", "review")
        return self.run.settings(
            "survey_results.py",
            *("survey results", self.name),
            recordings=block["recordings"],
            results=results,
            labels=file_stamp(f"{self.survey}/{review}/labels.csv"),
            starts=file_stamp(results["starts"]) if "starts" in results else "none",
        )


def survey_models(run: Run) -> list[SurveyModel]:
    """One a strategy of the block `survey`; none without it.

    Raises:
        UserError: the run has no such networks; names the key.
    """
    if not run.config["survey"]:
        return []
    block = _block(run)
    dataset, phase = block["dataset"], block["phase"]
    if dataset not in run.tested:
        raise UserError(
            f"survey.dataset: {dataset} is none of the datasets that networks of this run are "
            f"tested on: {', '.join(run.tested)}"
        )
    models = [SurveyModel(run, dataset, strategy, phase) for strategy in block["strategies"]]
    for model in models:
        if not model.networks:
            there = {f"{one.strategy} {one.phase}" for one in networks_of(run, dataset)}
            raise UserError(
                f"survey: the run has no networks {model.strategy} {phase} of {dataset}; it has "
                f"{', '.join(sorted(there))}"
            )
    return models


def parts_of(run: Run) -> list[int]:
    """The numbers of the parts of the recordings, 1 and up; of a run with a block `survey`.

    Raises:
        UserError: there are no recordings there.
    """
    block = _block(run)
    stamps = _stamps(block["recordings"], block["part_gigabytes"])
    return list(range(1, len(stamps) + 1))


def _block(run: Run) -> dict[str, Any]:
    return _DEFAULTS | run.config["survey"]


@cache
def _stamps(folder: str, gigabytes: float) -> list[str]:
    """By which a change of each part is noticed: 16 hex digits of names, sizes and times."""
    parts = in_parts(find_recordings([folder]), gigabytes * _GIGABYTE)
    lines = ["\n".join(map(str, (one.stamp for one in part))) for part in parts]
    return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in lines]

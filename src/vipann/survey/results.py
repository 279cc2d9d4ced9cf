"""From what the networks said of every window to what a user reads: events, counts, a review."""

import warnings
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vipann.errors import DataWarning, UserError
from vipann.files import replacing
from vipann.seeds import derive_seed
from vipann.survey.acquisition import NEAR, Selection, Wanted, scale
from vipann.survey.audit import audit_table
from vipann.survey.clocks import starts_of, time_column, zone_of
from vipann.survey.count_warnings import CountsBy, warn_of_counts
from vipann.survey.counts import PERIODS, Tally, apart
from vipann.survey.events import Merging, events_of, with_meaning
from vipann.survey.formats import write_formats
from vipann.survey.held_out import HeldOut, read_held_out
from vipann.survey.labelled import LABELS, WINDOWS, audited, read_answers
from vipann.survey.model import Model
from vipann.survey.review import PAGE, write_review
from vipann.survey.thresholds import threshold_table, thresholds_of
from vipann.survey.windows import (
    RECORDING,
    START,
    About,
    read_shards,
    read_table,
    shard_numbers,
    shard_paths,
)

# Characters of what was wrong with recordings.
_SHOWN = 500
# Classes that a warning names.
_CLASSES = 5


@dataclass(frozen=True)
class Settings:
    """How a survey's windows become results.

    wished_precision: of each class's detections among held-out clips; thresholds: by class, instead
    of those that follow from it; time_zone: of clocks in file names that say none, and of hours and
    days; starts: a csv of recordings' starts (`clocks.read_starts`); counts_by: whose labels say
    what a score is worth in counts, those of held-out clips, or of the audit once it is labelled;
    resamples: of the counts' intervals.
    """

    wished_precision: float = 0.9
    thresholds: Mapping[str, float] = field(default_factory=dict)
    merging: Merging = field(default_factory=Merging)
    time_zone: str = "UTC"
    starts: Path | None = None
    counts_by: CountsBy = "held_out"
    resamples: int = 200
    review: Wanted = field(default_factory=Wanted)

    def __post_init__(self) -> None:
        zone_of(self.time_zone)
        if not 0 < self.wished_precision <= 1:
            raise UserError(
                f"wished_precision: {self.wished_precision:g} is not allowed; must be above 0, at "
                "most 1"
            )


def settings_of(block: Mapping[str, Any]) -> Settings:
    """The settings that a config's block `survey.results` holds, or a command's options: names of
    `Settings` and of `Merging`, and `review`, names of `Wanted`; what it lacks is as there.

    Raises:
        UserError: a value makes no sense.
    """
    values = dict(block)
    merging = {k: values.pop(k) for k in ("gap_seconds", "least_windows") if k in values}
    review = dict(values.pop("review", {}))
    if "orders" in review:
        review["orders"] = tuple(review["orders"])
    starts = values.pop("starts", None)
    return Settings(
        **values,
        merging=Merging(**merging),
        starts=Path(starts) if starts else None,
        review=Wanted(**review),
    )


def write_results(
    survey: Path,
    model: Path,
    paths: Mapping[str, Path],
    settings: Settings,
    seed: int,
    out: Path,
) -> None:
    """Write the results of a survey into the folder `out`, each file whole or not at all.

    survey: the folder of shards; model: the model folder whose held-out clips are read; paths: of
    the recordings that were surveyed, by name, from which the review's clips are cut; of those that
    are gone there are events and no clips.

    events.parquet, events.csv: `events.events_of` and `events.with_meaning`, with time (ISO 8601,
    "" where no clock tells it) and review_rank; thresholds.csv: `thresholds.threshold_table`;
    counts_per_hour.csv and counts_per_day.csv: `counts.Tally.table`; recordings.csv; raven/,
    audacity/, kaleidoscope.csv: `formats.write_formats`; review/, or what settings.review.name
    says: `review.write_review`. A review that is there stays as it is, for someone may be labelling
    it; another has clips that no earlier one had. Where its labels.csv is there, audit.csv too:
    `audit.audit_table`.

    Raises:
        UserError: no survey or no model is there, their classes differ, a setting is wrong, or
            there is not one window.
    """
    held_out = read_held_out(model)
    thresholds = threshold_table(held_out, settings.wished_precision, settings.thresholds)
    _warn_of_undetected(thresholds, settings.wished_precision)
    listed = _recordings_of(survey)
    starts = starts_of(listed[RECORDING], zone_of(settings.time_zone), settings.starts)
    review = out / settings.review.name
    heard = _heard(path for path in out.glob(f"*/{WINDOWS}") if path.parent != review)
    season = _Season(held_out, thresholds, settings, seed, heard)
    for shard in read_shards(survey):
        season.add(shard.about, shard.windows, starts, paths)
    if not season.windows:
        faults = "; ".join(listed[RECORDING] + ": " + listed["fault"])
        raise UserError(f"no recording of {survey} could be heard: {faults[:_SHOWN]}")
    _write_csv(thresholds, out / "thresholds.csv")
    begun = time_column(listed[RECORDING], pd.Series(0.0, index=listed.index), starts)
    _write_csv(listed.assign(started_at=begun), out / "recordings.csv")
    events = with_meaning(season.events, held_out, thresholds)
    events = _ranked(events, settings.review, thresholds, starts)
    with replacing(out / "events.parquet") as beside:
        events.to_parquet(beside, index=False)
    _write_csv(events, out / "events.csv")
    rates = dict(zip(listed[RECORDING], listed["sample_rate"], strict=True))
    write_formats(events, {name: rate / 2 for name, rate in rates.items()}, paths, out)
    answers = read_answers(review) if (review / LABELS).exists() else None
    if answers is not None:
        _write_csv(audit_table(answers, thresholds), out / "audit.csv")
    elif season.selection.windows and not (review / PAGE).exists():
        chosen, about = season.selection.chosen(), season.about
        write_review(chosen, about.classes, about.task, paths, rates, starts, review)
    known = held_out if settings.counts_by == "held_out" else _audit_of(answers, held_out, review)
    counts = {
        period: tally.table(known, settings.resamples, derive_seed(seed, "counts", period))
        for period, tally in season.tallies.items()
    }
    warn_of_counts(counts, season.about.task, known, settings.counts_by)
    for period, table in counts.items():
        _write_csv(table, out / f"counts_per_{period}.csv")


class _Season:
    """What is kept of a season while it passes by shard by shard."""

    about: About

    def __init__(
        self,
        held_out: HeldOut,
        thresholds: pd.DataFrame,
        settings: Settings,
        seed: int,
        heard: Set[tuple[str, float]],
    ) -> None:
        self._held_out, self._settings = held_out, settings
        classes = held_out.classes
        self._limits = thresholds_of(thresholds, classes)
        self.selection = Selection(settings.review, classes, self._limits, seed, heard)
        self.tallies = {period: Tally(classes, self._limits, period) for period in PERIODS}
        self._events: list[pd.DataFrame] = []
        self.windows = 0

    def add(
        self,
        about: About,
        windows: pd.DataFrame,
        starts: Mapping[str, datetime],
        paths: Mapping[str, Path],
    ) -> None:
        classes = self._held_out.classes
        if about.classes != classes:
            raise UserError(
                f"the survey was made by a model of the classes {', '.join(about.classes)}, and "
                f"this one has {', '.join(classes)}: name the model that made it."
            )
        self.about = about
        self.windows += len(windows)
        self._events.append(
            events_of(windows, classes, self._limits, self._settings.merging, self._held_out)
        )
        self.selection.add(windows[windows[RECORDING].isin(list(paths))])
        separate = windows[apart(windows)]
        for tally in self.tallies.values():
            tally.add(separate, starts)

    @property
    def events(self) -> pd.DataFrame:
        joined = pd.concat(self._events, ignore_index=True)
        return joined.sort_values([RECORDING, START, "class"], ignore_index=True)


def refuse_other_model(survey: Path, model: Model) -> None:
    """UserError where the windows of a survey were scored by another model than this."""
    for number in shard_numbers(survey)[:1]:
        about, _ = read_table(shard_paths(survey, number)[1])
        if about.model != model.sha256:
            raise UserError(
                f"{survey} was scored by a model of sha256 {about.model[:12]}, and {model.folder} "
                f"is another, {model.sha256[:12]}: name the model that scored it."
            )


def _recordings_of(survey: Path) -> pd.DataFrame:
    """The recordings of all shards, each as it was heard last; copies are reported."""
    tables = [read_table(shard_paths(survey, n)[1])[1] for n in shard_numbers(survey)]
    if not tables:
        raise UserError(f"{survey} holds no survey: score recordings first.")
    listed = pd.concat(tables, ignore_index=True).drop_duplicates(RECORDING, keep="last")
    listed = listed.sort_values(RECORDING, ignore_index=True)
    names = listed[RECORDING].str.rpartition("/")[2]
    copies = listed[listed.assign(name=names).duplicated(["name", "size"], keep=False)]
    if len(copies):
        one, other, *more = copies.assign(name=names).sort_values("name", kind="stable")[RECORDING]
        warnings.warn(
            f"{one} and {other} have one name and one size"
            + (f" ({len(more)} more recordings are so)" if more else "")
            + ": if they are copies, their events count twice; remove one.",
            DataWarning,
            stacklevel=3,
        )
    return listed


def _warn_of_undetected(thresholds: pd.DataFrame, precision: float) -> None:
    never = thresholds.loc[np.isinf(thresholds["threshold"]), "class"].tolist()
    if never:
        more = f" and {len(never) - _CLASSES} more" if len(never) > _CLASSES else ""
        warnings.warn(
            f"{', '.join(never[:_CLASSES])}{more}: no threshold has a precision of {precision:g} "
            "among held-out clips, so that there are no events of them. Wish a lower precision, or "
            "set thresholds.",
            DataWarning,
            stacklevel=3,
        )


def _heard(reviews: Iterable[Path]) -> set[tuple[str, float]]:
    """The recordings and starts of the windows of reviews."""
    places = [pd.read_parquet(path, columns=[RECORDING, START]) for path in reviews]
    return {place for one in places for place in one.itertuples(index=False, name=None)}


def _ranked(
    events: pd.DataFrame,
    review: Wanted,
    thresholds: pd.DataFrame,
    starts: Mapping[str, datetime],
) -> pd.DataFrame:
    """The events with the time at which they start and their rank in the review's first order."""
    order = review.orders[0] if review.orders else "epistemic"
    if order == NEAR:
        limit = events["class"].map(thresholds.set_index("class")["threshold"])
        priority = -np.abs(scale(events["probability"]) - scale(limit))
    else:
        priority = events[order]
    ranks = priority.rank(ascending=False, method="first", na_option="bottom").astype("int64")
    return events.assign(
        time=time_column(events[RECORDING], events[START], starts), review_rank=ranks
    )


def _audit_of(answers: pd.DataFrame | None, held_out: HeldOut, review: Path) -> HeldOut:
    if answers is None:
        raise UserError(
            f"counts_by is audit, and {review / LABELS} is not there: label the review first "
            "and save it there, or count by held_out."
        )
    return audited(answers, held_out.classes)


def _write_csv(table: pd.DataFrame, out: Path) -> None:
    with replacing(out) as beside:
        table.to_csv(beside, index=False)

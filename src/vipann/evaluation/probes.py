"""Scores of the same kind of network in several settings: less to learn from, unknown classes, test
clips under noise or another channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from vipann.conditions import CLEAN, KINDS, Condition
from vipann.errors import UserError
from vipann.evaluation.metrics import MetricSettings
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, read_predictions
from vipann.evaluation.resampling import (
    Resamples,
    Statistic,
    bootstrap,
    interval,
    mean_of,
    statistics_of,
)
from vipann.evaluation.splits import ALL, resampled
from vipann.evaluation.supplementary import own_metrics, pooled_metrics
from vipann.files import replacing

# Of a row: what is varied, and to what; whose scores; of which fold, or "all"; and the score.
COLUMNS = [
    *("probe", "setting", "amount", "dataset", "strategy", "phase", "network", "fold"),
    *("measure", "value", "low", "high", "recordings"),
]
FRACTION, KNOWN, UNKNOWN = "train_fraction", "known", "unknown"
UNKNOWN_CLASSES = "unknown_classes"
ECE, CORRELATION = "ece", "rank_correlation"
# Of (predictions file, name of the network, amount).
Learnt = tuple[Path, str, float]


def robustness(
    clean: Sequence[Path],
    degraded: Mapping[Condition, Sequence[Path]],
    settings: MetricSettings,
    out: Path,
) -> None:
    """Write parquet (`COLUMNS`) of networks on clean clips and on the same under each condition.

    clean: predictions of own test clips, any strategies, phases and folds; degraded: those of the
    same networks, in the same order. probe: the condition's kind, or "clean"; amount: the
    condition's, NaN of clean clips; see `measures`. Of clean clips as many replications of each
    network count as there are of degraded ones, in which it drew the same.

    Raises:
        UserError: clean and degraded clips of a network are not the same.
    """
    named = [(path, "") for path in clean]
    first = zip(clean, next(iter(degraded.values())), strict=True)
    most = {mine: read_predictions(other).replications for mine, other in first}
    rows = _grouped_rows(named, settings, CLEAN, CLEAN, float("nan"), most)
    for condition, paths in degraded.items():
        for mine, others in zip(clean, paths, strict=True):
            _check_same_clips(mine, others)
        named = [(path, "") for path in paths]
        rows += _grouped_rows(named, settings, condition.kind, condition.name, condition.amount)
    _write(rows, out)


def probes(
    learning: Sequence[Learnt],
    unknown: Sequence[tuple[Path, Path, str]],
    settings: MetricSettings,
    out: Path,
) -> None:
    """Write parquet (`COLUMNS`) of networks that learnt from a share of the recordings, and of
    networks to which classes are unknown.

    learning: predictions, the network's name and the share, which is the amount of the probe
    "train_fraction"; unknown: predictions of clips of known and of unknown classes, and the
    network's name. The probe "unknown_classes" has the settings "known" and "unknown", of which the
    latter has mean uncertainties, and `auroc_<uncertainty>`, by which they tell unknown from known.
    """
    rows = []
    for amount in sorted({amount for _, _, amount in learning}):
        files = [(path, name) for path, name, share in learning if share == amount]
        rows += _grouped_rows(files, settings, FRACTION, f"{amount:g}", amount)
    hidden = {path: other for path, other, _ in unknown}
    files = [(path, name) for path, _, name in unknown]
    for folds, name in _groups(files):
        own = [read_predictions(path) for path in folds]
        outside = [read_predictions(hidden[path]) for path in folds]
        both = measures(own, settings, outside)
        is_unknown = both["measure"].str.startswith("auroc_") | both["measure"].str.startswith(
            "unknown_"
        )
        measure = both["measure"].str.removeprefix("unknown_")
        setting = is_unknown.map({True: UNKNOWN, False: KNOWN})
        frame = both.assign(measure=measure, setting=setting)
        rows.append(_described(frame, own[0], name, UNKNOWN_CLASSES, None, float("nan")))
    _write(rows, out)


def measures(
    folds: Sequence[Predictions],
    settings: MetricSettings,
    outside: Sequence[Predictions] = (),
) -> pd.DataFrame:
    """fold (a number, or "all"), measure, value, low, high, recordings of one kind of network.

    Of multi-class clips accuracy, `ece`, `retention_gain_<uncertainty>`
    (`vipann.evaluation.supplementary`), nll, brier; `mean_<uncertainty>`, nats; `rank_correlation`,
    Spearman's of the aleatoric and the epistemic part over clips, NaN where one is constant. With
    `outside`, a file a fold, also `auroc_<uncertainty>` and `unknown_mean_<uncertainty>`. Values
    are means over replications, of "all" the mean over folds, but for `ece`: of the clips of all
    folds together. low, high: bootstrap interval over recordings at 95 %
    (`vipann.evaluation.resampling`), the same resamples in every setting; NaN where there is none,
    as of calibration errors.
    """
    others = {one.fold: one for one in outside}
    beside = (
        resampled(outside[0], settings.resamples, settings.seed, "outside")
        if outside
        else _nothing(settings)
    )
    rows: list[_Row] = []
    for one in folds:
        rows += _of_fold(one, others.get(one.fold), beside, settings)
    for name in dict.fromkeys(row.measure for row in rows):
        of_folds = [row for row in rows if row.measure == name]
        rows.append(_over_folds(of_folds, folds, settings))
    bounded = [(*row[:3], *_bounds(row, beside.recordings)) for row in rows]
    columns = ["fold", "measure", "value", "low", "high", "recordings"]
    return pd.DataFrame(bounded, columns=columns).assign(dataset=folds[0].dataset)


class _Row(NamedTuple):
    """drawn: resampled values (B,), None where a score is not resampled; inside: how many own
    recordings each of the folds has."""

    fold: str
    measure: str
    value: float
    drawn: np.ndarray | None
    inside: list[int]


def _of_fold(
    one: Predictions, other: Predictions | None, beside: Resamples, settings: MetricSettings
) -> list[_Row]:
    own = resampled(one, settings.resamples, settings.seed, str(one.fold))
    statistics = _statistics(one, other, settings)
    drawn = bootstrap(statistics, own, beside, one.replications)
    once = np.ones((1, own.clips)), np.ones((1, beside.clips))
    rows = []
    for name, statistic in statistics.items():
        every = [statistic(replication, *once)[0] for replication in range(one.replications)]
        value = float(np.mean(every))
        rows.append(_Row(str(one.fold), name, value, drawn[name], [own.recordings]))
    metrics = own_metrics(one, settings.bins)
    ece = float(metrics.loc[metrics["metric"] == ECE, "value"].mean())
    for name, value in ((ECE, ece), (CORRELATION, _rank_correlation(one))):
        rows.append(_Row(str(one.fold), name, value, None, []))
    return rows


def _over_folds(
    rows: Sequence[_Row], folds: Sequence[Predictions], settings: MetricSettings
) -> _Row:
    """The mean over folds of one measure; the ECE of the clips of all folds together."""
    name, value = rows[0].measure, float(np.mean([row.value for row in rows]))
    if name == ECE and len(folds) > 1:
        pooled = pooled_metrics(folds, [one.mean_probability for one in folds], settings.bins)
        value = float(pooled.loc[pooled["metric"] == "ece_pooled", "value"].mean())
    draws = [row.drawn for row in rows if row.drawn is not None]
    drawn = np.mean(draws, axis=0) if draws else None
    return _Row(ALL, name, value, drawn, [count for row in rows for count in row.inside])


def _bounds(row: _Row, outside: int) -> tuple[float, float, int]:
    """low, high, recordings; outside: how many recordings of unknown classes there are."""
    if row.drawn is None:
        return float("nan"), float("nan"), 0
    is_area = row.measure.startswith("auroc")
    sides: list[list[int]] = [row.inside, [outside]] if is_area else [row.inside]
    if row.measure.startswith("unknown_"):
        sides = [[outside]]
    is_share = is_area or row.measure == "accuracy"
    return *interval(row.value, row.drawn, sides, share=is_share), min(map(sum, sides))


def _statistics(
    one: Predictions, other: Predictions | None, settings: MetricSettings
) -> dict[str, Statistic]:
    found = statistics_of(one, other, settings.fractions)
    for name in UNCERTAINTIES:
        found[f"mean_{name}"] = mean_of(getattr(one, name))
        if other is not None:
            found[f"unknown_mean_{name}"] = _of_outside(mean_of(getattr(other, name)))
    return found


def _of_outside(statistic: Statistic) -> Statistic:
    return lambda replication, _, others: statistic(replication, others, others)


def _rank_correlation(one: Predictions) -> float:
    pairs = zip(one.aleatoric, one.epistemic, strict=True)
    varied = [pair for pair in pairs if np.ptp(pair[0]) > 0 and np.ptp(pair[1]) > 0]
    found = [float(spearmanr(*pair).statistic) for pair in varied]
    return float(np.mean(found)) if found else float("nan")


def _nothing(settings: MetricSettings) -> Resamples:
    return Resamples(np.empty(0), settings.resamples, np.random.default_rng(0))


def _groups(files: Iterable[tuple[Path, str]]) -> list[tuple[list[Path], str]]:
    """The folds of each strategy, phase and network, which differ by the fold's folder only."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for path, name in files:
        without_fold = "/".join(part for part in path.parts if not part.startswith("fold"))
        groups.setdefault((without_fold, name), []).append(path)
    return [(paths, name) for (_, name), paths in groups.items()]


def _grouped_rows(
    files: Iterable[tuple[Path, str]],
    settings: MetricSettings,
    probe: str,
    setting: str,
    amount: float,
    replications: Mapping[Path, int] | None = None,
) -> list[pd.DataFrame]:
    """replications: how many of each file count, the first ones; all by default."""
    found = []
    for paths, name in _groups(files):
        most = replications or {}
        folds = [_first(read_predictions(path), most.get(path)) for path in paths]
        frame = measures(folds, settings)
        found.append(_described(frame, folds[0], name, probe, setting, amount))
    return found


def _first(one: Predictions, replications: int | None) -> Predictions:
    values = ("mean_probability", *UNCERTAINTIES)
    return replace(one, **{name: getattr(one, name)[:replications] for name in values})


def _described(
    frame: pd.DataFrame,
    one: Predictions,
    network: str,
    probe: str,
    setting: str | None,
    amount: float,
) -> pd.DataFrame:
    facts = {"probe": probe, "amount": amount, "strategy": one.strategy, "phase": one.phase}
    if setting is not None:
        facts["setting"] = setting
    return frame.assign(**facts, network=network)[COLUMNS]


def _check_same_clips(clean: Path, degraded: Path) -> None:
    one, other = read_predictions(clean), read_predictions(degraded)
    if not np.array_equal(one.clip_id, other.clip_id):
        raise UserError(f"{degraded} scores other clips than {clean}: delete it and run again.")


def _write(frames: Sequence[pd.DataFrame], out: Path) -> None:
    table = pd.concat(frames, ignore_index=True)
    table["label"] = [_label(*row) for row in table[["probe", "setting", "amount"]].to_numpy()]
    with replacing(out) as beside:
        table.to_parquet(beside, index=False)


def _label(probe: str, setting: str, amount: float) -> str:
    return Condition(probe, amount).label if probe in KINDS else setting

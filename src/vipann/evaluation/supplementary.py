"""Scores that the paper does not report, from the same predictions files.

Metrics, as rows of the tidy metrics (columns: `vipann.evaluation.metrics.METRIC_COLUMNS`):

- own clips, each replication: `ece`, `adaptive_ece`, `nll`, `brier`, and, where a clip has one
  label, `ece_excess`, the ECE beyond chance
  (`vipann.evaluation.calibration`); and per uncertainty `retention_area_<uncertainty>`, the mean of
  the fold's retention curve over the retained fractions, and `retention_gain_<uncertainty>`, that
  minus the score of all clips: above 0 where discarding the uncertain clips helps, for mAP above
  `retention_gain_random` (`vipann.evaluation.retention`), a row for each random order;
- own clips of all folds together, as fold 0: `ece_pooled` and `adaptive_ece_pooled`. A calibration
  error is biased upwards by chance within bins, the more the fewer clips there are in one: a
  DCASE2013 fold has 20 clips for 15 bins;
- out-of-distribution clips, each replication: `auroc_`, `aupr_` and `fpr95_<uncertainty>`
  (`vipann.evaluation.detection`) against the own test clips of the same network;
- det only: `temperature` and `ece_tempered`, `adaptive_ece_tempered`, `nll_tempered`,
  `brier_tempered`, and as fold 0 `ece_tempered_pooled` and `adaptive_ece_tempered_pooled`. A
  fold's temperature is fitted on the predictions of all other folds, each made by that fold's own
  network: the clips of the fold play no part in it. (The networks of the other folds were trained
  on them; their outputs for them are not used.) Upstream has one evaluation set and nothing else
  to fit on, so it has no temperature;
- strategy `det_ensemble`: the det networks of all folds taken as one ensemble, on the
  out-of-distribution clips only: mean uncertainties, and nothing else. None of the networks has
  seen those clips. It cannot be scored on the own clips, nor can its detection: a fold's test clips
  were training clips of the other folds' networks, so that only one member may judge them, and an
  ensemble's uncertainty cannot be compared with a single network's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation import calibration
from vipann.evaluation.decomposition import Decomposition
from vipann.evaluation.detection import detection_scores
from vipann.evaluation.diagnostics import CONFUSION_COLUMNS, confusion_table, reliability_table
from vipann.evaluation.metrics import METRIC_COLUMNS, MetricSettings, metric_rows, metrics_of
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.evaluation.resampling import Resamples, bootstrap, interval, statistics_of
from vipann.evaluation.retention import RANDOM
from vipann.scores import brier, negative_log_likelihood
from vipann.seeds import derive_seed

ENSEMBLE = "det_ensemble"
# The calibration errors, also over the clips of all folds: whether their bins are adaptive.
POOLED = {"ece": False, "adaptive_ece": True}
INTERVAL_COLUMNS = [
    *("dataset", "scored_dataset", "strategy", "phase", "metric"),
    *("value", "low", "high", "folds", "recordings", "resamples"),
]


def supplementary_tables(
    folds: Sequence[Predictions], outside: Sequence[Predictions], settings: MetricSettings
) -> dict[str, list[pd.DataFrame]]:
    """What the paper does not report of one strategy and phase.

    folds: its predictions of own clips; outside: the same networks' on out-of-distribution clips,
    of none, some or all folds. Returns lists of frames for "metrics", "confusion", "reliability"
    and "intervals". Raises UserError where the two kinds of clips were heard at other lengths.
    """
    labelled = [one for one in folds if one.labelled]
    others = {one.fold: one for one in outside}
    metrics = supplementary_metrics(folds, outside, settings.bins)
    confusion = [confusion_table(one) for one in labelled if one.task == "multiclass"]
    return {
        "metrics": metrics,
        "confusion": confusion or [pd.DataFrame(columns=CONFUSION_COLUMNS)],
        "reliability": [reliability_table(labelled, settings.bins)] if labelled else [],
        "intervals": [interval_table(labelled, others, settings)] if labelled else [],
    }


def supplementary_metrics(
    folds: Sequence[Predictions], outside: Sequence[Predictions], bins: int
) -> list[pd.DataFrame]:
    """The metrics of the module's docstring but for those of retention; arguments, and what is
    raised, as of `supplementary_tables`; bins: of a calibration error."""
    labelled = [one for one in folds if one.labelled]
    others = {one.fold: one for one in outside}
    _refuse_other_lengths(folds, others)
    own = [own_metrics(one, bins) for one in labelled]
    heard = [one for one in folds if one.fold in others]
    metrics = own + [detection_metrics(one, others[one.fold]) for one in heard]
    if len(labelled) == 1:
        # Of one fold they are its own.
        errors = own[0][own[0]["metric"].isin(POOLED)]
        metrics.append(errors.assign(metric=errors["metric"] + "_pooled", fold=0))
    elif labelled:
        probabilities = [one.mean_probability for one in labelled]
        metrics.append(pooled_metrics(labelled, probabilities, bins))
    if labelled and labelled[0].strategy == "det":
        metrics.append(temperature_metrics(labelled, bins))
    if len(outside) > 1 and outside[0].strategy == "det":
        metrics.append(metrics_of(fold_ensemble(outside)))
    return metrics


def _refuse_other_lengths(folds: Sequence[Predictions], others: Mapping[int, Predictions]) -> None:
    for one in folds:
        other = others.get(one.fold, one)
        if other.clip_seconds != one.clip_seconds:
            raise UserError(
                f"{one.dataset}/{one.strategy}/{one.phase}, fold {one.fold}: own clips were heard "
                f"at {one.clip_seconds:g} s, those of {other.scored_dataset} at "
                f"{other.clip_seconds:g} s. Uncertainty depends on a clip's length, so they are "
                "not compared: delete the predictions and run again."
            )


def own_metrics(one: Predictions, bins: int) -> pd.DataFrame:
    """Calibration and proper scores of one fold (module docstring)."""
    rows = [
        (replication, metric, value)
        for replication, probability in enumerate(one.mean_probability)
        for metric, value in _calibration_scores(one, probability, bins).items()
    ]
    if one.task == "multiclass":
        names = ("calibrated outcomes", one.dataset, one.strategy, one.phase, one.fold)
        rng = np.random.default_rng(derive_seed(one.seed, *names))
        for replication, probability in enumerate(one.mean_probability):
            pair = calibration.confidence_and_outcome(one.labels, probability, one.task)
            excess = calibration.calibration_excess(*pair, bins, rng)
            rows.append((replication, "ece_excess", excess))
    return metric_rows(one, rows)


def retention_metrics(retention: pd.DataFrame) -> pd.DataFrame:
    """Areas and gains (module docstring) of the curves that `retention_table` makes."""
    if retention.empty:
        return pd.DataFrame(columns=METRIC_COLUMNS)
    curve = ["dataset", "strategy", "phase", "fold", "replication", "uncertainty"]
    wide = retention.pivot(index=curve, columns="retained_fraction", values="value")
    curves = wide.sort_index(axis=1)
    area = curves.mean(axis=1)
    scores = pd.DataFrame({"area": area, "gain": area - curves.iloc[:, -1]})
    rows = scores.reset_index().melt(curve, var_name="which")
    rows = rows[(rows["which"] == "gain") | (rows["uncertainty"] != RANDOM)]
    rows["metric"] = "retention_" + rows["which"] + "_" + rows["uncertainty"]
    rows["scored_dataset"] = rows["dataset"]
    return rows[METRIC_COLUMNS].astype({"value": "float64"})


def detection_metrics(one: Predictions, outside: Predictions) -> pd.DataFrame:
    """Detection of the outside clips against the fold's own, both by the network of this fold."""
    rows = [
        (replication, f"{metric}_{name}", value)
        for replication in range(one.replications)
        for name in UNCERTAINTIES
        for metric, value in detection_scores(
            getattr(one, name)[replication], getattr(outside, name)[replication]
        ).items()
    ]
    return metric_rows(outside, rows)


def pooled_metrics(
    folds: Sequence[Predictions],
    probabilities: Sequence[np.ndarray],
    bins: int,
    suffix: str = "_pooled",
) -> pd.DataFrame:
    """Calibration errors over the clips of all folds, as fold 0; probabilities: (R, N, C) each."""
    first, rows = folds[0], []
    for replication in range(first.replications):
        pairs = [
            calibration.confidence_and_outcome(one.labels, probability[replication], one.task)
            for one, probability in zip(folds, probabilities, strict=True)
        ]
        confidence, outcome = (np.concatenate(part) for part in zip(*pairs, strict=True))
        for name, adaptive in POOLED.items():
            value = calibration.calibration_error(confidence, outcome, bins, adaptive)
            rows.append((replication, f"{name}{suffix}", value))
    return metric_rows(first, rows).assign(fold=0)


def temperature_metrics(folds: Sequence[Predictions], bins: int) -> pd.DataFrame:
    """Each fold at the temperature of all the others; empty for one fold or multi-label clips."""
    if len(folds) < 2 or folds[0].task != "multiclass":
        return pd.DataFrame(columns=METRIC_COLUMNS)
    frames, scaled = [], []
    for one in folds:
        rest = [other for other in folds if other.fold != one.fold]
        temperature = calibration.fit_temperature(
            np.concatenate([other.labels for other in rest]),
            np.concatenate([other.mean_probability[0] for other in rest]),
        )
        scaled.append(calibration.tempered(one.mean_probability[0], temperature)[None])
        scores = _calibration_scores(one, scaled[-1][0], bins)
        rows = [(0, f"{metric}_tempered", value) for metric, value in scores.items()]
        frames.append(metric_rows(one, [(0, "temperature", temperature), *rows]))
    return pd.concat([*frames, pooled_metrics(folds, scaled, bins, "_tempered_pooled")])


def fold_ensemble(outside: Sequence[Predictions]) -> Predictions:
    """Equations 1 to 8 with the folds' networks in the place of Monte Carlo samples.

    outside: one file a fold, of the same clips, without labels. Only the first replication counts
    (det has one).
    """
    first = outside[0]
    members: Decomposition[np.ndarray] = Decomposition(first.task)
    members.add(np.stack([one.mean_probability[0] for one in outside]).astype(np.float64))
    return replace(
        first,
        **{name: getattr(members, name)[None] for name in ("mean_probability", *UNCERTAINTIES)},
        labels=first.labels[:, :0],
        strategy=ENSEMBLE,
        fold=0,
        mc_samples=len(outside),
    )


def interval_table(
    folds: Sequence[Predictions], others: Mapping[int, Predictions], settings: MetricSettings
) -> pd.DataFrame:
    """Bootstrap intervals over recordings of the scores averaged over folds and replications.

    Columns: `INTERVAL_COLUMNS`; low, high: the interval at 95 %, empty where there are too few
    recordings; recordings: how many were drawn, of the own or of the out-of-distribution clips,
    whichever are fewer. See `vipann.evaluation.resampling` for what varies and what does not.
    """
    resampled: dict[str, list[np.ndarray]] = {}
    values: dict[str, list[float]] = {}
    first, inside = folds[0], []
    nothing = Resamples(np.empty(0), settings.resamples, np.random.default_rng(0))
    outside = _outside_resamples(first, list(others.values()), settings) if others else nothing
    for one in folds:
        other = others.get(one.fold)
        statistics = statistics_of(one, other, settings.fractions)
        rng = _generator(settings, one, str(one.fold))
        own = Resamples(one.recording, settings.resamples, rng)
        inside.append(own.recordings)
        beside = nothing if other is None else outside
        found = bootstrap(statistics, own, beside, one.replications)
        once = np.ones((1, own.clips)), np.ones((1, beside.clips))
        for name, statistic in statistics.items():
            resampled.setdefault(name, []).append(found[name])
            every = [statistic(replication, *once)[0] for replication in range(one.replications)]
            values.setdefault(name, []).append(float(np.mean(every)))
    rows = []
    for name in (name for name, draws in resampled.items() if len(draws) == len(folds)):
        value, averaged = float(np.mean(values[name])), np.mean(resampled[name], axis=0)
        detection = name.startswith("auroc")
        sides = [inside, [outside.recordings]] if detection else [inside]
        bounds = interval(value, averaged, sides, share=detection or name == "accuracy")
        scored = others[first.fold].scored_dataset if detection else first.dataset
        fewest = min(map(sum, sides))
        scope = (first.dataset, scored, first.strategy, first.phase, name)
        rows.append((*scope, value, *bounds, len(folds), fewest, settings.resamples))
    return pd.DataFrame(rows, columns=INTERVAL_COLUMNS)


def _outside_resamples(
    first: Predictions, outside: Sequence[Predictions], settings: MetricSettings
) -> Resamples:
    """The draws of out-of-distribution recordings that the networks of all folds share."""
    for one in outside[1:]:
        if not np.array_equal(one.clip_id, outside[0].clip_id):
            raise UserError(
                f"{first.dataset}/{first.strategy}/{first.phase}: folds {outside[0].fold} and "
                f"{one.fold} scored other clips of {one.scored_dataset}. Delete its predictions "
                "and run again."
            )
    return Resamples(
        outside[0].recording, settings.resamples, _generator(settings, first, "out of distribution")
    )


def _generator(settings: MetricSettings, one: Predictions, of: str) -> np.random.Generator:
    names = ("bootstrap", one.dataset, one.strategy, one.phase, of)
    return np.random.default_rng(derive_seed(settings.seed, *names))


def _calibration_scores(one: Predictions, probability: np.ndarray, bins: int) -> dict[str, float]:
    pair = calibration.confidence_and_outcome(one.labels, probability, one.task)
    nll = negative_log_likelihood(one.labels, probability, one.task)
    errors = {
        name: calibration.calibration_error(*pair, bins, adaptive)
        for name, adaptive in POOLED.items()
    }
    return {
        **errors,
        "nll": float(nll.mean()),
        "brier": float(brier(one.labels, probability, one.task).mean()),
    }

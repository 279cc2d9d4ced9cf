"""How well each score finds out-of-distribution clips: of networks, with intervals by recordings.

What is resampled and how is in `vipann.evaluation.resampling`; the three uncertainties are scored
beside the scores of `vipann.evaluation.ood_scores`, on the same clips and the same resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.detection import DETECTION_METRICS, detection_scores
from vipann.evaluation.embeddings import Embeddings, read_embeddings, refuse_other_clips
from vipann.evaluation.ood_scores import SCORES, ood_scores
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, read_predictions
from vipann.evaluation.resampling import (
    Resamples,
    Statistic,
    aupr_of,
    auroc_of,
    bootstrap,
    fpr95_of,
    interval,
)
from vipann.files import replacing
from vipann.seeds import derive_seed

DETECTION_COLUMNS = [
    *("dataset", "scored_dataset", "strategy", "phase", "fold", "score", "measure"),
    *("value", "low", "high", "reference", "change", "change_low", "change_high"),
    *("folds", "own_recordings", "ood_recordings", "resamples"),
]
ALL_FOLDS = "all"
_FACTS = DETECTION_COLUMNS[:4]
_Key = tuple[str, str]  # a score and a measure
_STATISTICS = dict(zip(DETECTION_METRICS, (auroc_of, aupr_of, fpr95_of), strict=True))


@dataclass(frozen=True, eq=False)
class Scored:
    """The test clips of one fold and the clips outside, by the same network: score -> (R, N) and
    (R, M), for R replications; the recordings of both, (N,) and (M,). about: `_FACTS`."""

    about: Mapping[str, str]
    fold: int
    inside: Mapping[str, np.ndarray]
    outside: Mapping[str, np.ndarray]
    own: np.ndarray
    others: np.ndarray
    other_clips: np.ndarray

    @property
    def replications(self) -> int:
        return len(self.inside[SCORES[0]])


def detection_table(
    embeddings: Sequence[Path],
    predictions: Sequence[Path],
    outside: Sequence[Path],
    neighbours: int,
    resamples: int,
    seed: int,
    out: Path,
) -> None:
    """Write a parquet file of the columns `DETECTION_COLUMNS`.

    embeddings, predictions, outside: files of each network, in the same order: its embeddings,
    predictions of its test clips and of out-of-distribution clips. A row is a score (of `SCORES` or
    an uncertainty) and a measure (AUROC, AUPR, FPR95) of one network, and, as fold "all", of its
    mean over folds with the interval at 95 % over recordings. `change`, of fold "all": by how much
    the value is above that of the `reference`, the network's epistemic uncertainty or, of det, its
    entropy, with the interval of the difference on the same resamples. neighbours: k of the
    nearest; seed: that of the dataset's metrics, so that resamples are theirs.

    Raises:
        UserError: a file is broken, or the files of a network are of different clips.
    """
    groups: dict[tuple[str, str], list[Scored]] = {}
    for network, own, others in zip(embeddings, predictions, outside, strict=True):
        read = read_predictions(own), read_predictions(others)
        one = _scored(read_embeddings(network), *read, neighbours)
        groups.setdefault((one.about["strategy"], one.about["phase"]), []).append(one)
    frames = [_rows(folds, resamples, seed) for folds in groups.values()]
    with replacing(out) as beside:
        pd.concat(frames, ignore_index=True).to_parquet(beside, index=False)


def _scored(
    network: Embeddings, predictions: Predictions, others: Predictions, neighbours: int
) -> Scored:
    for part, one in (("test", predictions), ("outside", others)):
        refuse_other_clips(network, part, one)
    about, sides = {name: getattr(network, name) for name in _FACTS}, []
    for scores, one in zip(ood_scores(network, neighbours), (predictions, others), strict=True):
        shape = one.replications, len(one.clip_id)
        wide = {name: np.broadcast_to(values, shape) for name, values in scores.items()}
        sides.append({name: getattr(one, name) for name in UNCERTAINTIES} | wide)
    recordings = predictions.recording, others.recording
    return Scored(about, network.fold, sides[0], sides[1], *recordings, others.clip_id)


def _rows(folds: Sequence[Scored], resamples: int, seed: int) -> pd.DataFrame:
    """Of all folds of one strategy and phase."""
    first = folds[0]
    outside = Resamples(first.others, resamples, _rng(seed, first, "out of distribution"))
    values: dict[_Key, list[float]] = {}
    drawn: dict[_Key, list[np.ndarray]] = {}
    inside, rows, nothing = [], [], [float("nan")] * 2
    for one in folds:
        _refuse_other_sounds(first, one)
        own = Resamples(one.own, resamples, _rng(seed, first, str(one.fold)))
        inside.append(own.recordings)
        for key, draws in _bootstrapped(one, own, outside).items():
            drawn.setdefault(key, []).append(draws)
        counts = 1, own.recordings, outside.recordings, resamples
        for key, value in _measured(one).items():
            values.setdefault(key, []).append(value)
            rows.append((str(one.fold), *key, value, *nothing, "", *nothing, nothing[0], *counts))
    counts = len(folds), sum(inside), outside.recordings, resamples
    sides = [inside, [outside.recordings]]
    reference = "total" if first.about["strategy"] == "det" else "epistemic"
    means = {key: float(np.mean(several)) for key, several in values.items()}
    averaged = {key: np.mean(several, axis=0) for key, several in drawn.items()}
    for (name, measure), mean in means.items():
        bounds = interval(mean, averaged[name, measure], sides, share=True)
        change = mean - means[reference, measure]
        differences = averaged[name, measure] - averaged[reference, measure]
        changes = change, *interval(change, differences, sides)
        rows.append((ALL_FOLDS, name, measure, mean, *bounds, reference, *changes, *counts))
    frame = pd.DataFrame(rows, columns=DETECTION_COLUMNS[4:])
    return frame.assign(**first.about)[DETECTION_COLUMNS]


def _refuse_other_sounds(first: Scored, one: Scored) -> None:
    if not np.array_equal(one.other_clips, first.other_clips):
        dataset, scored, strategy, phase = (first.about[name] for name in _FACTS)
        raise UserError(
            f"{dataset}/{strategy}/{phase}: folds {first.fold} and {one.fold} heard other clips of "
            f"{scored}. Delete their predictions and embeddings and run again."
        )


def _measured(one: Scored) -> dict[_Key, float]:
    """`DETECTION_METRICS` of each score, means over replications."""
    found: dict[_Key, float] = {}
    for name in one.inside:
        sides = zip(one.inside[name], one.outside[name], strict=True)
        every = pd.DataFrame([detection_scores(*pair) for pair in sides])
        found |= {(name, measure): float(every[measure].mean()) for measure in DETECTION_METRICS}
    return found


def _bootstrapped(one: Scored, own: Resamples, outside: Resamples) -> dict[_Key, np.ndarray]:
    """Resampled values of the same."""
    found: dict[_Key, np.ndarray] = {}
    for measure, statistic in _STATISTICS.items():
        statistics: dict[str, Statistic] = {
            name: statistic(inside, one.outside[name]) for name, inside in one.inside.items()
        }
        drawn = bootstrap(statistics, own, outside, one.replications)
        found |= {(name, measure): values for name, values in drawn.items()}
    return found


def _rng(seed: int, one: Scored, of: str) -> np.random.Generator:
    """The generator of the intervals in `vipann.evaluation.supplementary`."""
    dataset, _, strategy, phase = (one.about[name] for name in _FACTS)
    names = ("bootstrap", dataset, strategy, phase, of)
    return np.random.default_rng(derive_seed(seed, *names))

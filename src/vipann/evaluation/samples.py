"""How many Monte Carlo samples an uncertainty needs: its estimates against their number M.

The estimate of equation 8, the mutual information of M samples, is too small. With p_1 ... p_M
independent and of mean p, the mean of the entropies is without bias, and to the second order of
their spread

    E[H(mean of p_m)] = H(p) - (1 / 2M) sum_c Var(p_mc) / p_c,

of which the mutual information itself is the same sum without the 1 / M. So its expectation is
(1 - 1 / M) times its value, exactly so for M = 1, and the entropy's bias is the same amount; for
binary classes the sum is over Var / (p (1 - p)). (With samples that name one class each, the sum is
C - 1, and this is the correction of Miller 1955 and Madow.)
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from vipann.errors import UserError
from vipann.evaluation.decomposition import entropy
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.files import replacing
from vipann.tasks import Task

# Numbers of samples that are looked at, up to as many as there are.
NUMBERS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
# Blocks that an estimate is averaged over: more tell little, and cost most where M is small.
MOST_BLOCKS = 20
LEVELS = (0.95, 0.99)
CURVE_COLUMNS = [
    *("dataset", "strategy", "phase", "fold", "clips", "uncertainty"),
    *("mc_samples", "blocks", "mean", "expected", "spearman"),
]


def uncertainties_of_blocks(p: np.ndarray, task: Task, number: int) -> dict[str, np.ndarray]:
    """Total, aleatoric and epistemic uncertainty by blocks of `number` samples: (blocks, n), nats.

    p: probabilities (M, n, C); the blocks follow each other and have no sample in common, at most
    `MOST_BLOCKS` of them.
    """
    blocks = min(len(p) // number, MOST_BLOCKS)
    used = p[: blocks * number].astype(np.float64).reshape(blocks, number, *p.shape[1:])
    total, aleatoric = entropy(used.mean(axis=1), task), entropy(used, task).mean(axis=1)
    return {
        "total": total,
        "aleatoric": aleatoric,
        "epistemic": (total - aleatoric).clip(0.0),
    }


def curves_of(samples: Predictions) -> pd.DataFrame:
    """The estimates of each uncertainty against the number of samples; columns `CURVE_COLUMNS`.

    samples: of `sample_clips`. mean: over clips and blocks, in nats; expected: that of all samples
    with the bias that theory gives it (module docstring), of the epistemic and total uncertainty;
    spearman: rank correlation over clips with the estimate of all samples, mean over blocks, in
    [-1, 1], 0 where either is the same for all clips. A block's samples are among all: close to
    their number the correlation says too much.
    """
    p, task = samples.mean_probability, samples.task
    every = {name: one[0] for name, one in uncertainties_of_blocks(p, task, len(p)).items()}
    missing = float(every["epistemic"].mean()) / max(len(p) - 1, 1)
    rows = []
    for number in [*(n for n in NUMBERS if n < len(p)), len(p)]:
        bias = {"total": missing, "epistemic": missing, "aleatoric": 0.0}
        for name, values in uncertainties_of_blocks(p, task, number).items():
            limit = float(every[name].mean()) + bias[name]
            expected = limit - bias[name] * len(p) / number
            ranks = [_correlation(block, every[name]) for block in values]
            found = number, len(values), float(values.mean()), expected, float(np.mean(ranks))
            rows.append((name, *found))
    frame = pd.DataFrame(rows, columns=["uncertainty", *CURVE_COLUMNS[6:]])
    return samples.described(frame.assign(clips=p.shape[1]), CURVE_COLUMNS)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; ranks are Pearson-correlated here, as scipy warns of each constant block."""
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (one, other)]
    norms = np.prod([np.linalg.norm(rank) for rank in ranks])
    return float(ranks[0] @ ranks[1] / norms) if norms else 0.0


def sample_curves(files: Iterable[Path], out: Path) -> None:
    """Write the curves of these files of samples as one parquet file."""
    frames = [curves_of(read_predictions(path)) for path in files]
    with replacing(out) as beside:
        pd.concat(frames, ignore_index=True).to_parquet(beside, index=False)


def enough(curves: pd.DataFrame, level: float) -> int:
    """The least number of samples with which the ranking of clips is as good as `level`.

    curves: rows of one network, or several, of `curves_of`, of those uncertainties that count: the
    least correlation of them, mean over networks, is `level` or more. All samples always are.
    """
    means = curves.groupby(["mc_samples", "uncertainty"])["spearman"].mean()
    least = means.groupby("mc_samples").min()
    # Of all samples it is 1, also where nothing differs from clip to clip.
    return int(next((n for n, rank in least.items() if rank >= level), least.index.max()))


def choose_samples(samples: Path, out: Path) -> None:
    """Write how many samples are enough for the first of `LEVELS` in all three uncertainties.

    samples: of a network on its validation fold. The file is JSON: `mc_samples`, `level`, `clips`.
    """
    found = read_predictions(samples)
    chosen = enough(curves_of(found), LEVELS[0])
    facts = {"mc_samples": chosen, "level": LEVELS[0], "clips": len(found.clip_id)}
    with replacing(out) as beside:
        beside.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def chosen_samples(path: Path) -> int:
    """The number in a file of `choose_samples`.

    Raises:
        UserError: it is none.
    """
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["mc_samples"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} does not say how many samples are enough ({error}): delete it and run again"
        ) from error

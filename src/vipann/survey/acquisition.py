"""Which windows a person should hear first.

Orders, by what is highest: `epistemic`, `total` (entropy), `aleatoric` and `ood` of a windows
table, and `near_threshold`, the smallest distance of any class's probability from its threshold on
the scale ln(p / (1 - p)). The `audit` is a simple random sample of all windows, which alone can
say how often the networks are right (`vipann.survey.audit`).
"""

import re
from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.util import hash_array
from scipy.special import logit

from vipann.errors import UserError
from vipann.seeds import derive_seed
from vipann.survey.windows import END, MEASURES, RECORDING, START, probabilities_of

AUDIT, NEAR = "audit", "near_threshold"
ORDERS = (*MEASURES, NEAR)
ORDER = "order"
_LEAST = 1e-6
# So many times the windows that are needed are kept: those that overlap are passed over later.
_SPARE = 4


@dataclass(frozen=True)
class Wanted:
    """What a review page holds: `clips` windows in turn from the `orders`, and `audit` random ones.

    name: of the review's folder; another review of a season has another audit.
    """

    name: str = "review"
    clips: int = 60
    audit: int = 40
    orders: tuple[str, ...] = ("epistemic", "ood", NEAR)

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Za-z0-9_-]+", self.name):
            raise UserError(f"review.name: {self.name!r} must be letters, digits, _ and -.")
        if unknown := [name for name in self.orders if name not in ORDERS]:
            raise UserError(
                f"review.orders: {unknown[0]!r} is none of {', '.join(ORDERS)}; the audit has a "
                "number of its own, review.audit."
            )
        if min(self.clips, self.audit) < 0 or not self.clips + self.audit:
            raise UserError("review: clips and audit must be 0 or more, and not both 0.")


def priorities(
    windows: pd.DataFrame, classes: Sequence[str], thresholds: np.ndarray
) -> dict[str, np.ndarray]:
    """Order -> (N,) float64 of each window; the highest is heard first, NaN never."""
    found: dict[str, np.ndarray] = {name: windows[name].to_numpy(np.float64) for name in MEASURES}
    finite = np.isfinite(thresholds)
    nearest = np.full(len(windows), np.nan)
    if finite.any():
        probability = scale(probabilities_of(windows, classes)[:, finite])
        nearest = -np.abs(probability - scale(thresholds[finite])).min(axis=1)
    return found | {NEAR: nearest}


class Selection:
    """The windows of a review, chosen while a season passes by shard by shard.

    heard: (recording, start in seconds) of windows that an earlier review had: orders leave them
    out, and the audit, which must be random, does not.
    """

    def __init__(
        self,
        wanted: Wanted,
        classes: Sequence[str],
        thresholds: np.ndarray,
        seed: int,
        heard: Set[tuple[str, float]] = frozenset(),
    ) -> None:
        self.wanted, self.classes, self.thresholds = wanted, list(classes), thresholds
        self.windows, self._heard = 0, heard
        # 16 bytes, as the hash wants them.
        self._key = f"{derive_seed(seed, AUDIT, wanted.name):016x}"
        self._best: dict[str, pd.DataFrame] = {}

    def add(self, windows: pd.DataFrame) -> None:
        """Look at the windows of one more shard. What is chosen does not depend on the shards."""
        if windows.empty:
            return
        self.windows += len(windows)
        ranked = priorities(windows, self.classes, self.thresholds)
        is_new = np.ones(len(windows), bool)
        if self._heard:
            places = zip(windows[RECORDING], windows[START], strict=True)
            is_new = np.array([place not in self._heard for place in places])
        for order in dict.fromkeys(self.wanted.orders):
            ranked[order] = np.where(is_new, ranked[order], np.nan)
            most = self.wanted.clips * _SPARE * len(self.wanted.orders)
            self._keep(order, windows, ranked[order], most)
        names = windows[RECORDING] + windows[START].map(" {:.3f}".format)
        draws = hash_array(names.to_numpy(object), hash_key=self._key, categorize=False)
        self._keep(AUDIT, windows, draws.astype(np.float64), self.wanted.audit)

    def _keep(self, order: str, windows: pd.DataFrame, priority: np.ndarray, most: int) -> None:
        highest = np.argsort(-priority, kind="stable")[:most]
        highest = highest[~np.isnan(priority[highest])]
        mine = windows.iloc[highest].assign(priority=priority[highest], **{ORDER: order})
        before = [self._best[order]] if order in self._best else []
        joined = pd.concat([*before, mine], ignore_index=True)
        by = ["priority", RECORDING, START]
        self._best[order] = joined.sort_values(
            by, ascending=[False, True, True], ignore_index=True
        ).head(most)

    def chosen(self) -> pd.DataFrame:
        """The windows of the page: columns of the windows table, order, and rank from 1.

        The orders take turns, each with its next window that overlaps none chosen before. The audit
        is mixed in evenly, in random order: whoever stops early has heard a random sample too. What
        else is chosen never changes it: a window of both is there once, as of the audit.
        """
        audit = self._best[AUDIT].to_dict("records") if AUDIT in self._best else []
        queues = {
            name: deque(self._best[name].to_dict("records"))
            for name in self.wanted.orders
            if name in self._best
        }
        ordered = _in_turn(queues, self.wanted.clips, audit)
        places = [(n + 0.5) / len(one) for one in (ordered, audit) for n in range(len(one))]
        rows = [*ordered, *audit]
        mixed = [rows[at] for at in np.argsort(places, kind="stable")]
        return pd.DataFrame(mixed).assign(rank=np.arange(1, len(mixed) + 1))


def _in_turn(queues: dict[str, deque[dict]], most: int, taken: Sequence[dict]) -> list[dict]:
    """At most `most` windows, one of each queue in turn, none of which overlaps one before it or
    one of `taken`."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for row in taken:
        spans.setdefault(row[RECORDING], []).append((row[START], row[END]))
    rows: list[dict] = []
    while any(queues.values()) and len(rows) < most:
        for queue in queues.values():
            while queue and len(rows) < most:
                row = queue.popleft()
                mine = spans.setdefault(row[RECORDING], [])
                if all(row[END] <= start or end <= row[START] for start, end in mine):
                    mine.append((row[START], row[END]))
                    rows.append(row)
                    break
    return rows


def scale(probability: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), of p no nearer to 0 and 1 than one in a million."""
    return logit(np.clip(np.asarray(probability, np.float64), _LEAST, 1 - _LEAST))

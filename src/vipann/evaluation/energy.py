"""The energy score: how strange a sound is to a network, of its logits z (C,).

-ln sum_c exp(z_c) (Liu et al. 2020); where a clip has several labels the joint energy,
-sum_c ln(1 + exp(z_c)) (Wang et al. 2021, equation 7). Higher is stranger. It needs no clips of any
other kind, and is fitted to nothing. What a value means is told by its place among those of clips
that were held out: logits of other networks have other energies.
"""

import numpy as np
from scipy.special import logsumexp

from vipann.tasks import Task


def energy(logits: np.ndarray, task: Task) -> np.ndarray:
    """Logits (..., C) to energies (...), float64."""
    logits = logits.astype(np.float64)
    if task == "multiclass":
        return -logsumexp(logits, axis=-1)
    return -np.logaddexp(0.0, logits).sum(axis=-1)

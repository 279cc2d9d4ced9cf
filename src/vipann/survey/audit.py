"""How often the networks are right in the season itself, by its random audit.

The audit's clips are a simple random sample of the season's windows, so that the shares among them
are those of the season, whatever thresholds, classes' frequencies and calibration are. Clips that
were chosen in another order say nothing of that: they are the difficult ones.
"""

import numpy as np
import pandas as pd

from vipann.survey.acquisition import AUDIT, ORDER
from vipann.survey.labelled import ANSWER, audited
from vipann.survey.shares import share_of
from vipann.survey.thresholds import thresholds_of

COLUMNS = (
    *("class", "precision", "precision_low", "precision_high"),
    *("recall", "recall_low", "recall_high", "share", "share_low", "share_high"),
    *("detected", "present", "both", "audited", "unanswered"),
)


def audit_table(answers: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """A row a class, with the columns `COLUMNS`.

    answers: of `labelled.read_answers`; thresholds: of `thresholds.threshold_table`. precision: of
    the windows in which the class is detected, the share that hold it; recall: of those that hold
    it, the share in which it is detected; share: of all windows, those that hold it; each at 95 %
    over recordings (`vipann.survey.shares`), NaN where the audit has none such. detected, present,
    both: clips of the audit; unanswered: those left out, which bias all of this if they are not as
    the others.
    """
    classes = thresholds["class"].tolist()
    known = audited(answers, classes)
    detected = known.probability >= thresholds_of(thresholds, classes)
    sample = answers[answers[ORDER] == AUDIT]
    rows = []
    for index, name in enumerate(classes):
        found, there = detected[:, index], known.present[:, index]
        shares = (
            share_of(there[found], known.recording[found]),
            share_of(found[there], known.recording[there]),
            share_of(there, known.recording),
        )
        ends = [end for share in shares for end in share[:3]]
        counts = (int(found.sum()), int(there.sum()), int((found & there).sum()))
        unanswered = int(sample[ANSWER].isna().sum())
        rows.append((name, *ends, *counts, len(there), unanswered))
    return pd.DataFrame(rows, columns=list(COLUMNS)).replace({None: np.nan})

"""What the literature says of scores of out-of-distribution clips, judged on a run's table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from vipann.claims.judgement import Judge, Judgement, by_test
from vipann.claims.testing import all_of
from vipann.evaluation.ood_scores import LOGIT_SCORES
from vipann.papers.uncertainty.claims.recalibration import View, below_zero, dataset_of
from vipann.papers.uncertainty.names import network_words
from vipann.papers.uncertainty.tables.ood_scores import SCORE_NAMES

SCOPE = "ood_scores"
STAGES = {SCOPE: "scores of out-of-distribution clips"}
NEIGHBOURS = "nearest_neighbours"
# Of Det the table's differences are from its entropy, which is of its logits too.
REFERENCE = "total"


def views(paths: Mapping[str, list[str]]) -> dict[str, list[View]]:
    """By scope; paths: of the files of each part."""
    return {SCOPE: [View(dataset_of(path), pd.read_parquet(path)) for path in paths.get(SCOPE, [])]}


def neighbours_beat_logits(view: View) -> Judgement:
    """By the paired difference of the AUROCs of Det's nearest neighbours and of its entropy, in
    each phase; the best of the scores by the logits is reported beside it."""
    rows = view.rows(strategy="det", measure="auroc")
    found = rows[rows["score"] == NEIGHBOURS]
    changes = found[["change", "change_low", "change_high"]].itertuples(index=False)
    tests = [below_zero(-change, -high, -low) for change, low, high in changes]
    numbers = ", ".join(_numbers(one, rows) for _, one in found.iterrows())
    return by_test(numbers, all_of(tests))


def _numbers(neighbours: pd.Series, rows: pd.DataFrame) -> str:
    scores: Sequence[str] = (REFERENCE, *LOGIT_SCORES)
    others = rows[(rows["phase"] == neighbours["phase"]) & rows["score"].isin(scores)]
    best = others.loc[others["value"].idxmax()]
    entropy = neighbours["value"] - neighbours["change"]
    return (
        f"{network_words(neighbours)}: {neighbours['value']:.3f} against {entropy:.3f} of the "
        f"entropy (best by the logits: {SCORE_NAMES[best['score']]}, {best['value']:.3f})"
    )


JUDGES: dict[str, Judge] = {"neighbours_beat_logits": neighbours_beat_logits}

"""Table 6.4: what each augmentation is worth."""

import pandas as pd

from vipann.claims.testing import over_seeds
from vipann.evaluation.variant_results import Results, read_results, spread
from vipann.papers import Names, Sources
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.procedures import ABLATIONS
from vipann.papers.event_detection.tables._beside import is_comparable, notes_on
from vipann.papers.event_detection.tables._chapter6 import BEST_CHECKPOINTS
from vipann.tables.layout import Table, number
from vipann.tables.variants import beside_print, with_spread

TABLE = {
    "number": "6.4",
    "label": "without one augmentation each",
    "caption": """
By how much mAP on the evaluation list falls without it, in points of 100: of a CNN with a
Transformer under procedure A4, where the thesis gives the mean over all its encoders. *Normalize*:
the input divided by one standard deviation, not by two. The row of CutMix is of a network with
CutMix in the place of mixup, against one with neither.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["without_balancing", "without_mixup", "without_masking", "without_normalisation"],
    "about": ["names", "upstream"],
}
COLUMNS = [
    *("table", "row", "with", "without", "ours", "standard_deviation", "seeds", "p"),
    *("paper", "paper_standard_deviation"),
]
SD = "standard deviation"


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row a technique; ours: the mean over seeds of the difference, and its deviation over seeds;
    shares of 1 in the csv."""
    results = read_results(sources)
    frame = pd.DataFrame([_drop(results, row) for row in ABLATIONS], columns=COLUMNS)
    frame = beside_print(frame, frame["paper"], is_comparable(names, upstream))
    cells = pd.DataFrame(
        {
            "Ours": _points(frame["ours"], frame["standard_deviation"]),
            "p": [number(p, ".2g") for p in frame["p"]],
            "Thesis": _points(frame["paper"], frame["paper_standard_deviation"]),
        },
        index=pd.Index(frame["row"], name="Without"),
    )
    notes = [
        "p: one-sided t test over seeds that mAP falls without it, of one comparison.",
        *notes_on(names, upstream),
        BEST_CHECKPOINTS,
    ]
    return Table("Table 6.4: without one augmentation each", frame, cells, notes)


def _drop(results: Results, row: str) -> list:
    names = ABLATIONS[row]
    both = [results.by_seed(name) for name in names]
    shared = both[0].index.intersection(both[1].index)
    drops = both[0].loc[shared] - both[1].loc[shared]
    ours = [drops.mean(), spread(drops.tolist()), len(drops), over_seeds(*both).p]
    printed = [paper_value("6.4", row, column) for column in ("mAP drop", SD)]
    return ["6.4", row, *names, *ours, *printed]


def _points(values: pd.Series, deviations: pd.Series) -> list[str]:
    pairs = zip(100 * values, 100 * deviations, strict=True)
    return [with_spread(value, deviation, ".1f") for value, deviation in pairs]

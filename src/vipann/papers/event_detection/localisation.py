"""Where this paper's tables and claims look for how well events lie in time."""

import pandas as pd

from vipann.evaluation.localisation import over_classes
from vipann.evaluation.score_columns import PER_CLASS_COLUMNS
from vipann.evaluation.variant_results import Results
from vipann.papers import Sources
from vipann.papers.event_detection.names import POOLINGS
from vipann.papers.event_detection.printed import paper_value

# Our metric -> the column of Table 4.2: of TALNet on real recordings, by segments of 1 s.
PRINTED = {"segment_f1": "F1", "segment_error_rate": "Err Rate"}


def read_localisation(sources: Sources) -> Results:
    """sources: localisation, the run's file of it, if it has one."""
    frames = [over_classes(path) for path in sources.get("localisation", [])]
    scores = pd.concat(frames) if frames else pd.DataFrame(columns=["kind", "name", "variant"])
    return Results(scores, pd.DataFrame(columns=PER_CLASS_COLUMNS))


def printed_of(row: str, metric: str) -> float | None:
    """What Table 4.2 prints of a pooling, called as there, or None."""
    known = row in POOLINGS and metric in PRINTED
    return paper_value("4.2", row, PRINTED[metric]) if known else None

"""Table 8: label enhancement by type."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vipann.evaluation.variant_results import Results, read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.labels import Added, added_labels, label_set_of, relative_gains
from vipann.papers.psla.names import AUGMENTED, TYPES
from vipann.papers.psla.printed import BALANCED, paper_value
from vipann.papers.psla.tables._scores import notes_on, printed_column, with_print
from vipann.tables.layout import NOTHING, Table, number, side_by_side
from vipann.tables.variants import with_spread

TABLE = {
    "number": "8",
    "label": "label enhancement by type",
    "caption": """
Labels that a teacher network adds to the train list, and what training with them brings. *Type I*
adds classes below one of a clip's labels in the ontology, *Type II* those above. *Impacted*
classes got labels.""",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "per_class": "metrics/{varied}.variants_per_class.parquet",
        "label_sets": "label_sets/{label_set}.parquet",
        "manifests": "manifests/{varied}.parquet",
    },
    "any_of": ["enhanced_child", "enhanced_parent", "enhanced"],
    "about": ["names", "upstream", "variants"],
}
SHARES = {
    "Impacted Class Improvement": "impacted",
    "Non-impacted Class Improvement": "others",
    "Mean Class-wise Relative Improv.": "all",
}
IMPACTED, ADDED, IMPROVED, MAP = "# Impact Classes", "Label Added", "mAP Improvement", "mAP"
ROWS = (IMPACTED, ADDED, *SHARES, IMPROVED, MAP)


def table(
    sources: Sources, names: Names, upstream: str | None, variants: Mapping[str, Any]
) -> Table:
    """A row a measure, a column a type. Shares and improvements are fractions; improvements are
    relative to the same recipe with the labels as they are."""
    results, added = read_results(sources), added_labels(sources)
    rows = [
        {"table": 8, "type": kind, "metric": metric, "ours": value}
        for kind, candidates in TYPES.items()
        for metric, value in _measured(results, added, variants, candidates).items()
    ]
    frame = pd.DataFrame(rows)
    is_balanced = printed_column(names, upstream) == BALANCED
    pairs = zip(frame["metric"], frame["type"], strict=True)
    paper = [paper_value(8, *pair) if is_balanced else None for pair in pairs]
    frame = with_print(frame, paper, names, upstream)
    texts = frame[["metric", "type"]].copy()
    for kind in ("ours", "paper") if is_balanced else ("ours",):
        texts[kind] = list(map(_text, frame["metric"], frame[kind]))
    columns = ["type", ""] if is_balanced else ["type"]
    cells = side_by_side(texts, {"metric": "Measure"}, columns, {})
    base = results.first_of(AUGMENTED)
    scores = results.by_seed(base) if base else pd.Series(dtype="float64")
    without = f"Without enhancement: mAP {with_spread(scores.mean(), scores.std())}"
    without += " (paper 0.3108 ± 0.0013)." if is_balanced else "."
    title = "Table 8: label enhancement by type"
    return Table(title, frame, cells, [without, *notes_on(names, upstream)])


def _measured(
    results: Results,
    added: Mapping[str, Added],
    variants: Mapping[str, Any],
    candidates: tuple[str, ...],
) -> dict[str, float | None]:
    found: dict[str, float | None] = dict.fromkeys(ROWS)
    name, base = results.first_of(candidates), results.first_of(AUGMENTED)
    changes = added.get(label_set_of(variants, name) or "")
    if name is None or base is None or changes is None:
        return found
    gains = relative_gains(results, name, base, changes.classes)
    found |= {IMPACTED: len(changes.classes), ADDED: changes.share}
    found |= {row: gains[which] for row, which in SHARES.items()}
    ours, before = (results.by_seed(one).mean() for one in (name, base))
    return found | {IMPROVED: ours / before - 1, MAP: ours}


def _text(metric: str, value: float | None) -> str:
    if pd.isna(value):
        return NOTHING
    if metric == IMPACTED:
        return number(value, ".0f")
    return number(value, ".4f" if metric == MAP else ".1%")

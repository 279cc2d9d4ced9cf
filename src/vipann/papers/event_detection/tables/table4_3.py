"""Table 4.3: five poolings on AudioSet's evaluation list."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.event_detection.names import ALL_POOLINGS, POOLINGS, POOLINGS_SEEDS
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.tables._beside import is_comparable, notes_on
from vipann.tables.layout import Table
from vipann.tables.variants import beside_print, cells_of, scored

TABLE = {
    "number": "4.3",
    "label": "poolings on the evaluation list",
    "headline": 2,
    "caption": """
mAP, AUC and d-prime (macro averages over classes) on the evaluation list, for five poolings of the
scores of frames; above them what the thesis quotes of others, below them ensembles of our
networks. d-prime is √2 times the normal quantile of the AUC.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["maximum", "linear_softmax", "exp_softmax", "softmax_attention"],
    "about": ["names", "upstream"],
}
OTHERS = ("[Her+17a]", "[Kon+18]", "[Yu+18]")
COLUMNS = {"mAP": "mAP", "AUC": "AUC", "d_prime": "d-prime"}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """Rows of others have the print's numbers only, ensembles ours only."""
    rows: dict[str, str | tuple[str, ...]] = {**dict.fromkeys(OTHERS, ()), **POOLINGS}
    rows |= {**POOLINGS_SEEDS, "All networks": ALL_POOLINGS}
    frame = scored("4.3", read_results(sources), rows, list(COLUMNS))
    places = zip(frame["row"], frame["metric"], strict=True)
    paper = [paper_value("4.3", row, COLUMNS[metric]) for row, metric in places]
    frame = beside_print(frame, paper, is_comparable(names, upstream))
    frame = frame[frame["ours"].notna() | frame["paper"].notna()]
    title = "Table 4.3: poolings on the evaluation list"
    return Table(title, frame, cells_of(frame), notes_on(names, upstream))

"""Table 15: this run among earlier systems."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import AVERAGED, BASELINE, SEEDS, SINGLE
from vipann.papers.psla.printed import BALANCED, FULL, paper_value
from vipann.papers.psla.tables._scores import notes_on, printed_column, with_print
from vipann.tables.layout import Table
from vipann.tables.variants import cells_of, scored

TABLE = {
    "number": "15",
    "label": "among earlier systems",
    "headline": 1,
    "caption": """
mAP, AUC and d-prime (macro averages over classes) on the evaluation list, ours and those that the
paper quotes of others. d-prime is √2 times the normal quantile of the AUC.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["baseline", "plain", "psla", "averaged", "seeds", "settings_top5", "settings_all"],
    "not_on": ["FSD50K"],
    "about": ["names", "upstream"],
}
OURS = {
    "Our Baseline": (BASELINE, "plain"),
    "Proposed Single Model": (AVERAGED, SINGLE),
    "Ensemble of seeds": (SEEDS,),
    "Proposed 68M Model": ("settings_top5",),
    "Proposed Full Model": ("settings_all",),
}
OTHERS = {
    BALANCED: (
        *("Wu-minimal [60], 2018", "Kumar [61], 2018", "Wu-best [60], 2018"),
        *("Kong [8], 2019", "PANNs [5], 2020"),
    ),
    FULL: (
        *("AudioSet Baseline [3]", "Kong [6], 2018", "Yu [7], 2018", "TALNet [62], 2019"),
        *("Kong [8], 2019", "DeepRes [4], 2019", "PANNs [5], 2020"),
    ),
}
METRICS = {"mAP": "mAP", "AUC": "AUC", "d_prime": "d'"}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """Rows of others have the paper's numbers only."""
    column = printed_column(names, upstream)
    rows = {**dict.fromkeys(OTHERS.get(column or "", ()), ()), **OURS}
    frame = scored(15, read_results(sources), rows, list(METRICS))
    places = zip(frame["row"], frame["metric"], strict=True)
    paper = [paper_value(15, row, f"{column}/{METRICS[metric]}") for row, metric in places]
    frame = with_print(frame, paper, names, upstream)
    frame = frame[frame["ours"].notna() | frame["paper"].notna()]
    title = "Table 15: among earlier systems"
    return Table(title, frame, cells_of(frame), notes_on(names, upstream))

"""Table 7: what the average precision of a class goes with."""

import pandas as pd

from vipann.evaluation.variant_results import Results, read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import SINGLE
from vipann.papers.psla.printed import paper_value
from vipann.papers.psla.tables._scores import notes_on, printed_column, with_print
from vipann.tables.layout import Table
from vipann.tables.variants import cells_of

TABLE = {
    "number": "7",
    "label": "what a class's AP goes with",
    "caption": """
Correlation (Pearson's, over classes) between the average precision of a class and the number of
its training clips. The quality that AudioSet's authors estimate for a class's labels is not among
this workflow's data: that row has the paper's number only.""",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "per_class": "metrics/{varied}.variants_per_class.parquet",
    },
    "any_of": ["psla", "plain"],
    "about": ["names", "upstream"],
}
SAMPLES, QUALITY = "AP and Sample Count", "AP and Annotation Quality Estimate"
NETWORKS = (SINGLE, "plain")


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """Two rows, as the paper's; ours of the first: mean over seeds of the correlation."""
    results, column = read_results(sources), printed_column(names, upstream)
    values = correlations(results)
    ours = [[SAMPLES, values.mean(), values.std(), len(values)], [QUALITY, None, None, 0]]
    frame = pd.DataFrame(ours, columns=["row", "ours", "standard_deviation", "seeds"])
    frame = frame.assign(table=7, metric="correlation")
    paper = [paper_value(7, row, column) if column else None for row in frame["row"]]
    frame = with_print(frame, paper, names, upstream)
    note = "Mean over seeds ± standard deviation over seeds."
    notes = [note, *notes_on(names, upstream)[1:]]
    return Table("Table 7: what a class's AP goes with", frame, cells_of(frame), notes)


def correlations(results: Results) -> pd.Series:
    """Network -> Pearson's r over classes of average precision and training clips."""
    name = results.first_of(NETWORKS)
    aps = results.per_class(name) if name else pd.DataFrame()
    return aps.corrwith(results.train_clips.reindex(aps.index).astype("float64"))

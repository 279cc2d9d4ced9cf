"""Events in time, by pooling or network."""

from collections.abc import Mapping

import pandas as pd

from vipann.papers import Sources
from vipann.papers.event_detection.localisation import printed_of, read_localisation
from vipann.papers.event_detection.names import POOLINGS
from vipann.tables.layout import Table, number, side_by_side
from vipann.tables.variants import beside_print, scored, with_spread

TABLE = {
    "label": "Events in time",
    "headline": 5,
    "caption": """
How well events that are cut from the scores of frames lie in time, against the strong labels of
the evaluation list of {{ upstream }}, by segment and by event (sed_eval; all
classes counted together, but for the mean over classes). Error rate: substitutions, deletions and
insertions over the events of the reference, which may exceed 1. False positives: active segments
that should not be, over those that should. Networks are trained on labels of clips only.""",
    "needs": {"localisation": "metrics/{localised}.localisation.parquet"},
    "about": ["events"],
}
# Metric -> group and name of its column.
METRICS = {
    "segment_f1": ("Segments", "F1"),
    "segment_macro_f1": ("Segments", "F1, mean over classes"),
    "segment_precision": ("Segments", "Precision"),
    "segment_recall": ("Segments", "Recall"),
    "segment_error_rate": ("Segments", "Error rate"),
    "segment_false_positives": ("Segments", "False positives"),
    "event_f1": ("Events", "F1"),
    "event_error_rate": ("Events", "Error rate"),
}
PRINT = (
    "As printed: TALNet of Table 4.2, trained on AudioSet, on the recordings of DCASE 2017. These "
    "are other data, so no difference is shown."
)


def table(sources: Sources, events: Mapping[str, float]) -> Table:
    """Columns of the frame: those of `vipann.tables.variants.COLUMNS`, paper and difference; a row
    for each network of the run whose events were scored, poolings as the thesis calls them."""
    results, called = read_localisation(sources), {name: row for row, name in POOLINGS.items()}
    found = [
        *dict.fromkeys([*POOLINGS.values(), *results.scores["variant"], *sorted(results.names)])
    ]
    rows = {called.get(name, name): name for name in found if name in results.names}
    frame = scored("localisation", results, rows, list(METRICS))
    places = zip(frame["row"], frame["metric"], strict=True)
    frame = beside_print(frame, [printed_of(*place) for place in places], is_comparable=False)
    texts = frame[["row"]].assign(
        text=[with_spread(one.ours, one.standard_deviation, ".3f") for one in frame.itertuples()],
        **{
            level: pd.Categorical(names, list(dict.fromkeys(names)))
            for place, level in enumerate(("group", "name"))
            for names in [[METRICS[metric][place] for metric in frame["metric"]]]
        },
    )
    cells = side_by_side(texts, {"row": "Network"}, ["group", "name"], {})
    cells = cells[list(METRICS.values())]
    notes = [_how(events)]
    printed = frame[frame["paper"].notna()]
    for metric, (_, name) in METRICS.items():
        part = printed[printed["metric"] == metric].set_index("row")["paper"]
        if len(part):
            cells["As printed", name] = part.reindex(cells.index).map(lambda value: number(value))
    return Table("Events in time", frame, cells, [*notes, PRINT] if len(printed) else notes)


def _how(block: Mapping[str, float]) -> str:
    return (
        f"Events: frames from {block['low']:g}, one of them from {block['high']:g}; median filter "
        f"of {block['median_filter_s']:g} s, gaps up to {block['merge_gap_s']:g} s closed; "
        f"{block['min_duration_s']:g} s or longer. "
        f"Segments of {block['segment_s']:g} s; onsets within {block['collar_s']:g} s, offsets "
        "within that or 20 % of the event. Mean over seeds ± standard deviation over seeds."
    )

"""Sets of classes with a guarantee: how often they hold the right class, and how large they are."""

import pandas as pd

from vipann.evaluation.conformal_sets import RISK_CONTROL
from vipann.evaluation.splits import ALL
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import KEYS, PHASE_NAMES, STRATEGY_NAMES, network_words
from vipann.tables.layout import NOTHING, Table, number, ordered, side_by_side

TABLE = {
    "label": "Conformal sets",
    "caption": """
Sets of classes that hold the right class in a stated share of the clips, by split-conformal
prediction (LAC, APS, RAPS), or, with several labels a clip, miss at most a stated share of them
(conformal risk control). Half of each fold's recordings calibrate, the sets of the other half are
counted, over many splits. The csv has each fold, and the coverage and size of each class.""",
    "needs": {"sets": "metrics/{conformal}.conformal.parquet"},
    "about": ["shown_names"],
}
SETS = {"lac": "LAC", "aps": "APS", "raps": "RAPS", RISK_CONTROL: "Risk control"}
METRICS = {
    "coverage": "Coverage",
    "expected_coverage": "Promised",
    "false_negative_rate": "Missed labels",
    "size": "Classes in a set",
    "single": "Sets of one",
    "empty": "Empty sets",
}
_WORST = "Least class"
NOTES = (
    "Coverage: share of clips whose set holds the right class, in brackets the 95 % interval over "
    "recordings; promised: what the numbers of calibration clips give of clips that are "
    "exchangeable. The promise is for clips and calibration sets together: not for each class "
    "(least class: the coverage of the worst), and where recordings have several clips, which are "
    "alike, for new clips of the same recordings rather than of new ones.",
    "Missed labels: mean over clips of the share of a clip's labels that its set lacks; at most "
    "alpha is promised.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: `vipann.evaluation.conformal_sets.COLUMNS`."""
    frame = pd.concat([pd.read_parquet(path) for path in sources["sets"]], ignore_index=True)
    orders = {
        "dataset": frame["dataset"].unique(),
        "phase": PHASE_NAMES,
        "strategy": STRATEGY_NAMES,
        "alpha": sorted(frame["alpha"].unique()),
        "score": SETS,
    }
    keys = list(orders)
    rows = ordered(frame[(frame["fold"] == ALL) & (frame["class"] == ALL)], orders)
    rows["text"] = [_text(row) for row in rows.itertuples()]
    wide = rows.pivot(index=keys, columns="metric", values="text")
    worst = ordered(frame[(frame["class"] != ALL) & (frame["metric"] == "coverage")], orders)
    found = [*METRICS.values()]
    wide = wide.rename(columns=METRICS)
    if len(worst):
        wide[_WORST] = worst.groupby(keys, observed=True)["value"].min().map(number)
        found.insert(2, _WORST)
    wide = wide[[name for name in found if name in wide]]
    texts = wide.astype(object).fillna(NOTHING).reset_index()
    by = {
        "dataset": "Dataset",
        "phase": "Phase",
        "strategy": "Model",
        "alpha": "alpha",
        "score": "Set",
    }
    labels = {
        "dataset": shown_names,
        "phase": PHASE_NAMES,
        "strategy": STRATEGY_NAMES,
        "score": SETS,
        "alpha": {alpha: f"{alpha:g}" for alpha in orders["alpha"]},
    }
    cells = side_by_side(texts, by, [""], labels)
    said = advice(frame.replace({"dataset": dict(shown_names)}))
    return Table("Conformal sets", frame, cells, [*NOTES, *filter(None, [said])])


def _text(row: object) -> str:
    value, low, high = (getattr(row, name) for name in ("value", "low", "high"))
    form = ".2f" if row.metric == "size" else ".3f"  # type: ignore[attr-defined]
    bounds = "" if pd.isna(low) else f" ({number(low, form)} to {number(high, form)})"
    return number(value, form) + bounds


def advice(frame: pd.DataFrame) -> str | None:
    """The smallest sets of each dataset at its least alpha, and what they cost."""
    rows = frame[(frame["fold"] == ALL) & (frame["class"] == ALL)]
    return " ".join(_advice(str(name), own) for name, own in rows.groupby("dataset")) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    rows = rows[rows["alpha"] == rows["alpha"].min()]
    sizes = rows[rows["metric"] == "size"]
    best = sizes.loc[sizes["value"].idxmin()]
    own = rows[(rows[[*KEYS, "score"]] == best[[*KEYS, "score"]]).all(axis=1)]
    values = own.set_index("metric")["value"]
    name, size, asked = network_words(best), best["value"], 1 - best["alpha"]
    passes = int(best["passes"])
    cost = f"{passes} pass{'es' if passes > 1 else ''} a clip"
    if best["score"] == RISK_CONTROL:
        return (
            f"On {dataset}, to miss at most {best['alpha']:.0%} of a clip's labels, {name} answers "
            f"with {size:.1f} classes (it misses {values['false_negative_rate']:.1%}; {cost})."
        )
    if size <= 1:
        return (
            f"On {dataset}, {name} needs no sets at {asked:.0%} coverage: they have {size:.1f} "
            f"classes, and {values['empty']:.0%} are empty ({cost}). Ask for a smaller alpha."
        )
    return (
        f"On {dataset}, at {asked:.0%} coverage {name} answers with {size:.1f} classes by "
        f"{SETS[best['score']]} (measured coverage {values['coverage']:.1%}; {cost})."
    )

"""How many Monte Carlo samples are enough."""

import pandas as pd

from vipann.evaluation.samples import LEVELS, enough
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES, UNCERTAINTY_NAMES
from vipann.tables.layout import NOTHING, Table, ordered, side_by_side

TABLE = {
    "label": "How many Monte Carlo samples are enough",
    "caption": """
The least number of Monte Carlo samples whose ranking of the clips by an uncertainty correlates
(Spearman) with that by {{ config.uncertainty.samples.most }} samples to 0.95 and to 0.99, and the
share of the epistemic uncertainty that ten samples see. Not in the paper.""",
    "needs": {"curves": "metrics/{samples}.samples.parquet"},
    "about": ["shown_names"],
}
# The paper's config: what is said of the bias is said at this number.
FEW = 10
COLUMNS = ["dataset", "strategy", "phase", "fold", "measure", "value", "clips", "most"]
NOTES = (
    "Numbers of samples that were looked at: 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, "
    "...; mean over blocks of samples, of one fold's network. The samples are among those they are "
    "held against: close to their number the correlation says too much.",
    f"Seen by {FEW}: the mean epistemic uncertainty of {FEW} samples as a share of its limit with "
    "many; by theory 1 - 1 / M, to the second order of the samples' spread.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Tidy rows: COLUMNS; measure: enough_<level>_<uncertainty> and epistemic_seen; clips, most:
    samples of each of how many clips."""
    curves = pd.concat([pd.read_parquet(path) for path in sources["curves"]], ignore_index=True)
    rows = []
    keys = ["dataset", "strategy", "phase", "fold"]
    for key, network in curves.groupby(keys, sort=False):
        sizes = int(network["clips"].iloc[0]), int(network["mc_samples"].max())
        rows += [(*key, measure, value, *sizes) for measure, value in _measures(network)]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    orders = {"dataset": frame["dataset"].unique(), "strategy": STRATEGY_NAMES}
    frame = ordered(frame, orders)
    texts = frame[["dataset", "phase", "strategy"]].assign(
        **{
            place: pd.Categorical(values, list(dict.fromkeys(values)))
            for place, values in (
                ("group", [_place(measure)[0] for measure in frame["measure"]]),
                ("name", [_place(measure)[1] for measure in frame["measure"]]),
            )
        },
        text=[
            NOTHING if pd.isna(value) else f"{value:.0%}" if "seen" in measure else f"{value:.0f}"
            for measure, value in zip(frame["measure"], frame["value"], strict=True)
        ],
    )
    labels = {"dataset": shown_names, "phase": PHASE_NAMES, "strategy": STRATEGY_NAMES}
    by = {"dataset": "Dataset", "phase": "Phase", "strategy": "Model"}
    cells = side_by_side(texts, by, ["group", "name"], labels)
    cells = cells[list(dict.fromkeys(map(_place, frame["measure"])))]
    return Table("How many Monte Carlo samples are enough", frame, cells, NOTES)


def advice(frame: pd.DataFrame) -> str | None:
    """How many samples rank the clips well enough by all three uncertainties, for each dataset of
    `table`'s frame."""
    rows = frame[frame["measure"].str.startswith(f"enough_{LEVELS[0]}_")]
    lines = [_advice(str(name), own) for name, own in rows.groupby("dataset", observed=True)]
    return " ".join(lines) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    keys = ["strategy", "phase"]
    needed = rows.groupby(keys, sort=False, observed=True)["value"].max()
    words = ", ".join(
        f"{STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()} {number:.0f}"
        for (strategy, phase), number in needed.items()
    )
    most = rows["most"].max()
    return (
        f"On {dataset} so many Monte Carlo samples, a pass each, rank clips as {most} do "
        f"(correlation {LEVELS[0]:g}, all three uncertainties): {words}."
    )


def _measures(network: pd.DataFrame) -> list[tuple[str, float]]:
    found = []
    for kind in UNCERTAINTY_NAMES:
        own = network[network["uncertainty"] == kind]
        found += [(f"enough_{level}_{kind}", float(enough(own, level))) for level in LEVELS]
    means = network[network["uncertainty"] == "epistemic"].set_index("mc_samples")["mean"]
    most = int(means.index.max())
    limit = means[most] * most / max(most - 1, 1)
    share = means.get(FEW, float("nan")) / limit if limit else float("nan")
    return [*found, ("epistemic_seen", float(share))]


def _place(measure: str) -> tuple[str, str]:
    """Group and name of a column."""
    if measure == "epistemic_seen":
        return "Epistemic", f"seen by {FEW}"
    _, level, kind = measure.split("_")
    return UNCERTAINTY_NAMES[kind], level

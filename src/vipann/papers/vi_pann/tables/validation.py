"""The validation accuracy of each strategy and phase: what settings are chosen by."""

import json
from pathlib import Path

import pandas as pd

from vipann.errors import UserError
from vipann.papers import Sources
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES
from vipann.tables.layout import Table, ordered, side_by_side, with_error

TABLE = {
    "label": "Validation accuracy",
    "caption": "What settings are chosen by: accuracy on validation folds.",
    "needs": {"sidecars": "checkpoints/{transferred}.json"},
    # Not of every run: `snakemake selection` asks for it.
    "on_request": True,
}
COLUMNS = ["dataset", "strategy", "phase", "fold", "validation_fold", "epoch", "accuracy", "loss"]
HOW = (
    "Mean over the runs' validation folds ± standard error. No clip of a run's test fold was read; "
    "choose settings by this table and look at Tables 4 and 5 afterwards."
)


def table(sources: Sources) -> Table:
    """A row for each training job: the validation of the epoch whose weights were kept.

    sources: sidecars ".../<dataset>/<strategy>/fold<k>/<phase>.json" of checkpoints. Columns:
    COLUMNS; accuracy in [0, 1], loss in nats.

    Raises:
        UserError: a job validated nothing.
    """
    rows = []
    for path in map(Path, sources["sidecars"]):
        facts = json.loads(path.read_text(encoding="utf-8"))
        found = facts.get("validation")
        if not found:
            raise UserError(
                f"{path}: nothing was validated. Set validation.split: next_fold in the config "
                "(config/validated.yaml does) and train again."
            )
        job = {key: facts[key] for key in ("strategy", "phase", "fold")}
        chosen = {key: found["chosen"][key] for key in ("epoch", "accuracy", "loss")}
        rows.append({"dataset": path.parts[-4], **job, "validation_fold": found["fold"], **chosen})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    orders = {
        "strategy": STRATEGY_NAMES,
        "dataset": frame["dataset"].unique(),
        "phase": PHASE_NAMES,
    }
    groups = ordered(frame, orders).groupby(list(orders), observed=True)["accuracy"]
    means = groups.agg(["mean", "sem"]).reset_index()
    texts = means[list(orders)].assign(text=list(map(with_error, means["mean"], means["sem"])))
    labels = {"strategy": STRATEGY_NAMES, "phase": PHASE_NAMES}
    cells = side_by_side(texts, {"strategy": "Model"}, ["dataset", "phase"], labels)
    return Table("Validation accuracy", frame, cells, [HOW])

"""Table 6.1: training procedures, as printed and as this run has them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.procedures import PROCEDURES, REPORTED
from vipann.papers.event_detection.tables._beside import is_comparable, notes_on
from vipann.papers.event_detection.tables._chapter6 import (
    BEST_CHECKPOINTS,
    COLUMNS,
    over_seeds_of,
)
from vipann.tables.layout import NOTHING, Table, number, side_by_side
from vipann.tables.variants import beside_print, with_spread

TABLE = {
    "number": "6.1",
    "label": "training procedures",
    "caption": """
What the thesis prints of its procedures, and what this run's config has of the network that it
reports of each; earlier systems as printed. *decay epochs*: epochs from one halving of the learning
rate to the next; *normalize*: standard deviations by which the input is divided.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["ast_a1", "cnn_transformer_a2", "ast_a3", "cnn_transformer_a4"],
    "about": ["names", "upstream", "recipes"],
}
EARLIER = ("PANNs CNN14", "ResNet", "PSLA", "ERANNs", "Conformer SSL", "AST")
BEST = "Best mAP"
ROWS = (
    *("mel bands", "frames", "pretrained on ImageNet", "epoch", "batch size", "maxLR"),
    *("decay rate", "decay epochs", "weight decay", "warmup steps", "databalancing", "mixup"),
    *("time mask", "frequency mask", "normalize"),
)


def table(
    sources: Sources,
    names: Names,
    upstream: str | None,
    recipes: Mapping[str, Mapping[str, Any]],
) -> Table:
    """A row a setting; of the procedures ours and the thesis's.

    recipes: variant -> its whole `pretrain` block and the settings of its `features`.
    """
    results, lines = read_results(sources), []
    for row in (*ROWS, BEST):
        for system in EARLIER:
            lines.append(["6.1", row, system, "", None, None, 0, paper_value("6.1", row, system)])
        for procedure in PROCEDURES:
            name = REPORTED[procedure]
            ours: list = [setting(recipes[name], row) if name in recipes else None, None, 0]
            if row == BEST:
                ours = over_seeds_of(results, name)
            lines.append(["6.1", row, procedure, name, *ours, paper_value("6.1", row, procedure)])
    frame = pd.DataFrame(lines, columns=COLUMNS)
    frame = beside_print(frame, frame["paper"], is_comparable(names, upstream))
    title = "Table 6.1: training procedures"
    return Table(title, frame, _cells(frame), [*notes_on(names, upstream), BEST_CHECKPOINTS])


def setting(recipe: Mapping[str, Any], row: str) -> float | None:
    """What a variant's blocks have of a row of the table."""
    pretrain, features = recipe["pretrain"], recipe["features"]
    halving = pretrain.get("learning_rate_halving") or {}
    is_halved = pretrain["learning_rate_schedule"] == "halving"
    masking, is_mixed = pretrain.get("masking") or {}, pretrain["mixup_alpha"] > 0
    return {
        "mel bands": features.get("mel_bands"),
        "frames": features.get("frames"),
        "pretrained on ImageNet": float(pretrain.get("start") == "imagenet"),
        "epoch": pretrain.get("epochs"),
        "batch size": pretrain["batch_size"],
        "maxLR": pretrain["learning_rate"],
        "decay rate": 0.5 if is_halved else None,
        "decay epochs": halving.get("every_epochs") if is_halved else None,
        "weight decay": pretrain.get("weight_decay", 0.0),
        "warmup steps": pretrain.get("warmup_steps", 0),
        "databalancing": float(pretrain.get("sampling") == "balanced"),
        "mixup": pretrain.get("mixup_rate", 1.0) if is_mixed else 0.0,
        "time mask": masking.get("time"),
        "frequency mask": masking.get("frequency"),
        "normalize": features.get("sigmas"),
    }.get(row)


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Earlier systems in one column each, procedures in two."""
    texts = frame[["row", "column"]].copy()
    is_best = frame["row"] == BEST
    for kind in ("ours", "paper"):
        texts[kind] = [number(value, "g") for value in frame[kind]]
    best = frame.loc[is_best, ["ours", "standard_deviation"]].to_numpy(float)
    texts.loc[is_best, "ours"] = [with_spread(ours, sd, ".3f") for ours, sd in best]
    cells = side_by_side(texts, {"row": "Setting"}, ["column", ""], {})
    cells = cells.drop(columns=[(system, "ours") for system in EARLIER])
    return cells.loc[:, [not (cells[name] == NOTHING).all() for name in cells.columns]]

"""What Fischer, Orescanin and Eckstrand (2024) say in words.

A claim is a row of claims.csv and, where a run can judge it, an entry of `JUDGES` of its module.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.claims.counting import read_claims
from vipann.claims.evidence import RESULT_FILES, RunView, read_view
from vipann.claims.ledger import PaperClaims
from vipann.papers import Sources
from vipann.papers.vi_pann.claims import accuracy, size, uncertainty
from vipann.papers.vi_pann.claims.views import PrintView, SizeView, named
from vipann.papers.vi_pann.printed import PRETRAINING_DATASET, TRANSFER_DATASETS

PAPER = PaperClaims(
    claims=read_claims(Path(__file__).with_name("claims.csv")),
    judges={**size.JUDGES, **accuracy.JUDGES, **uncertainty.JUDGES},
    printed={
        "size": {"": SizeView(None)},
        "upstream": {PRETRAINING_DATASET: PrintView(PRETRAINING_DATASET)},
        "transfer": {name: PrintView(name) for name in TRANSFER_DATASETS},
    },
    stages={"upstream": "pre-trained networks", "transfer": "transfer"},
    note=(
        "By the paper's own numbers: the same rule on its Tables 1, 3, 4 and 5, accuracies taken "
        "as k right of all clips of the dataset, which count as independent. Its figures have no "
        "numbers."
    ),
    named=named,
)


def views_of(
    upstream: RunView | None, transfer: Sequence[RunView], counts: pd.DataFrame
) -> dict[str, Sequence[RunView | SizeView]]:
    """A run by scope of the claims; counts: the frame of metrics/complexity.csv."""
    own = [upstream] if upstream else []
    return {"size": [SizeView(counts)], "upstream": own, "transfer": transfer}


def read_views(
    sources: Sources, settings: Mapping[str, Any]
) -> dict[str, Sequence[RunView | SizeView]]:
    """`views_of` a run's files.

    sources: `RESULT_FILES` of its datasets (".../<dataset>.<kind>.parquet"), and counts; settings:
    `vipann.plan.claims.claims_settings`.
    """
    files = {Path(path).name: path for kind in RESULT_FILES for path in sources[kind]}

    def view(dataset: str) -> RunView:
        paths = {kind: files[f"{dataset}.{kind}.parquet"] for kind in RESULT_FILES}
        about, interval = settings["datasets"][dataset], settings["interval"]
        return read_view(dataset, **about, paths=paths, interval=interval, named=named)

    upstream = view(settings["upstream"]) if settings["upstream"] else None
    transfer = [view(dataset) for dataset in settings["transfer"]]
    return views_of(upstream, transfer, pd.read_csv(sources["counts"][0]))

"""Chapter 3, networks on waveforms: what a run calls them, and where it has their scores.

Rows of the thesis's tables -> variants, which config/raw_audio.yaml has all of.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from vipann.evaluation.score_columns import COLUMNS, ORIGINAL, PER_CLASS_COLUMNS
from vipann.evaluation.variant_results import Results

# What the thesis calls its dataset (a dataset's `paper_name`).
URBANSOUND8K = "UrbanSound8K"
ARCHITECTURES = {"M3": "m3", "M5": "m5", "M11": "m11", "M18": "m18", "M34-res": "m34_res"}
FIRST_FILTERS = {
    "M11-srf": "m11_srf",
    "M18-srf": "m18_srf",
    "M11-lrf": "m11_lrf",
    "M18-lrf": "m18_lrf",
}
STRIDE = {"M11, stride 1": "m11_stride_1"}
MORE_FILTERS = {"M3-big": "m3_big", "M5-big": "m5_big"}
FULLY_CONNECTED = {"M3-fc": "m3_fc", "M5-fc": "m5_fc", "M11-fc": "m11_fc", "M18-fc": "m18_fc"}
WITHOUT_BATCH_NORM = {
    "M11-no-bn": "m11_no_bn",
    "M18-no-bn": "m18_no_bn",
    "M34-no-bn": "m34_no_bn",
}
TABLES = {
    "3.2": ARCHITECTURES | STRIDE,
    "3.3": FIRST_FILTERS,
    "3.4": MORE_FILTERS,
    "3.5": FULLY_CONNECTED,
    "3.6": WITHOUT_BATCH_NORM,
}


def results_on_folds(paths: Sequence[str]) -> dict[str, Results]:
    """Dataset -> scores of the variants that are trained on its folds.

    paths: files of `vipann.evaluation.fold_metrics`. A network's score is the mean over its folds
    and replications, after its last phase; of all folds as one (fold 0) nothing is taken.
    """
    frames = [pd.read_parquet(path) for path in paths]
    frames = [one[(one["fold"] > 0) & (one["phase"] != "fixed")] for one in frames]
    return {name: _results(own) for one in frames for name, own in one.groupby("dataset")}


def _results(frame: pd.DataFrame) -> Results:
    own = frame[frame["scored_dataset"] == frame["dataset"]]
    keys = ["kind", "name", "variant", "seed", "metric"]
    means = own.groupby(keys, dropna=False, sort=False)["value"].mean().reset_index()
    scores = means.assign(epoch=None, label_set=ORIGINAL)[COLUMNS]
    return Results(scores, pd.DataFrame(columns=PER_CLASS_COLUMNS))


def is_the_papers(names: Mapping[str, str | None], dataset: str) -> bool:
    """Whether the run's dataset is the thesis's, whole."""
    return names.get(dataset) == URBANSOUND8K

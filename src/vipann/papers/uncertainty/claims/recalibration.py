"""What the literature says of recalibration and of conformal sets, judged on a run's tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from vipann.claims.judgement import FAILS, HOLDS, Case, Each, Judge, Judgement, Unjudged, by_test
from vipann.claims.testing import Effect, Test, all_of
from vipann.evaluation.interval import LEVEL
from vipann.evaluation.splits import ALL
from vipann.papers.uncertainty.names import KEYS, network_words
from vipann.papers.uncertainty.numbers import score

STAGES = {"recalibration": "recalibrated networks", "conformal": "conformal sets"}


@dataclass(frozen=True)
class View:
    """The rows of one part on one dataset of a run."""

    dataset: str
    frame: pd.DataFrame
    paper_name: None = None

    def rows(self, **chosen: object) -> pd.DataFrame:
        """Those of all folds together with these values.

        Raises Unjudged where there are none.
        """
        found = self.frame[self.frame["fold"] == ALL]
        for column, value in chosen.items():
            found = found[found[column] == value]
        if found.empty:
            wanted = ", ".join(map(str, chosen.values()))
            raise Unjudged(f"this run has none of: {wanted}")
        return found


def views(paths: Mapping[str, list[str]]) -> dict[str, list[View]]:
    """By scope, from the files of each part, ".../<dataset>.<part>.parquet"."""
    return {
        part: [View(dataset_of(path), pd.read_parquet(path)) for path in paths.get(part, [])]
        for part in STAGES
    }


def dataset_of(path: str) -> str:
    """What a file ".../<dataset>.<part>.parquet" is of."""
    return Path(path).name.split(".")[0]


def below_zero(value: float, low: float, high: float) -> Test:
    """One-sided test that a number is below 0, from its 95 % interval."""
    if pd.isna(low):
        return Test(None, "no test: too few recordings")
    z = value / ((high - low) / 2 / stats.norm.ppf((1 + LEVEL) / 2))
    p, contrary = float(stats.norm.cdf(z)), float(stats.norm.sf(z))
    return Test(p, "bootstrap over recordings", contrary, Effect(-value, -high, -low))


def lowers(method: str, metric: str) -> Judge:
    """That a method lowers a score of every network, by test."""

    def judge(view: View) -> Judgement:
        rows = view.rows(method=method, metric=metric)
        tests = [
            below_zero(*row)
            for row in rows[["change", "change_low", "change_high"]].itertuples(index=False)
        ]
        lower = int((rows["change"] < 0).sum())
        first = rows.loc[rows["change"].idxmax()]
        start = first["value"] - first["change"]
        numbers = (
            f"{lower} of {len(rows)} networks lower; least {network_words(first)} "
            f"{score(start)} to {score(first['value'])}"
        )
        return by_test(numbers, all_of(tests))

    return judge


def covered(view: View, network: tuple[str, ...]) -> Case:
    """Whether the coverage of a network's sets is not below what is asked, beyond chance."""
    rows = view.rows(**dict(zip((*KEYS, "score", "alpha"), network, strict=True)))
    row = rows[(rows["class"] == ALL) & (rows["metric"] == "coverage")].iloc[0]
    reached = row["value"] if pd.isna(row["high"]) else row["high"]
    asked = 1 - row["alpha"]
    label = f"{network_words(row)} {row['score']}"
    return Case(label, reached >= asked, f"{row['value']:.3f} of {asked:g}")


def sets_cover(view: View) -> Judgement:
    """Of each network, score and alpha."""
    rows = view.rows(metric="coverage")
    rows = rows[rows["class"] == ALL]
    keys = (*KEYS, "score", "alpha")
    return Each(list(rows[[*keys]].itertuples(index=False, name=None)), covered)(view)


def lac_is_smallest(view: View) -> Judgement:
    """Mean size over networks of each score."""
    rows = view.rows(metric="size")
    rows = rows[(rows["class"] == ALL) & (rows["score"] != "risk_control")]
    if rows.empty:
        raise Unjudged("clips of several labels have no such sets")
    means = rows.groupby("score")["value"].mean()
    text = ", ".join(f"{score} {size:.2f}" for score, size in means.items())
    return Judgement(HOLDS if means.idxmin() == "lac" else FAILS, f"{text} classes")


JUDGES: dict[str, Judge] = {
    "temperature_lowers_nll": lowers("temperature", "nll"),
    "platt_suffices": lowers("platt", "ece"),
    "sets_cover": sets_cover,
    "lac_is_smallest": lac_is_smallest,
}

"""The ledger: every claim, judged on each dataset that it is about and on the paper's own print."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vipann.claims import accuracy, cost, uncertainty, words
from vipann.claims.cost import SizeView
from vipann.claims.counting import LEVEL
from vipann.claims.evidence import PrintView, RunView
from vipann.claims.judgement import UNJUDGED, Claim, Judgement, Unjudged
from vipann.claims.testing import holm
from vipann.errors import UserError
from vipann.evaluation.interval import Kind
from vipann.papers.vi_pann.printed import PRETRAINING_DATASET, TRANSFER_DATASETS

CLAIMS: tuple[Claim, ...] = (
    *cost.CLAIMS,
    *accuracy.CLAIMS,
    *uncertainty.CLAIMS,
    *words.CLAIMS,
)
COLUMNS = [
    "claim",
    "section",
    "sentence",
    "dataset",
    "verdict",
    "numbers",
    "test",
    "p",
    "p_holm",
    "beyond_chance",
    "printed_verdict",
    "printed_numbers",
]
KINDS = ("metrics", "retention", "uncertainty")
STAGES = {"upstream": "pre-trained networks", "transfer": "transfer"}


@dataclass(frozen=True)
class Source:
    """One dataset's part of a run: its key, the paper's name of it or None, how many folds each of
    its networks was trained on (0 upstream), the paths of its three result files, by KINDS, and
    the kind of interval that is told of replications."""

    dataset: str
    paper_name: str | None
    training_folds: int
    paths: Mapping[str, Path | str]
    interval: Kind = "percentile"

    def view(self) -> RunView:
        frames = {kind: _read(self.paths[kind]) for kind in KINDS}
        return RunView(
            self.dataset, self.paper_name, self.training_folds, **frames, interval=self.interval
        )


@dataclass(frozen=True)
class NoView:
    """Nothing of this run for a claim to look at, and why."""

    reason: str


def ledger(
    upstream: RunView | None, transfer: Sequence[RunView], counts: pd.DataFrame | None
) -> pd.DataFrame:
    """Every claim on every dataset that it concerns, in the order of `CLAIMS`; columns: `COLUMNS`.

    counts: the frame of metrics/complexity.csv, or None. `dataset` is empty where a claim is about
    none, or the run has none for it. verdict: holds | does not hold | cannot be judged. p: of the
    verdict's test (`Judgement.tested`); p_holm: that adjusted by Holm for all tests of the ledger;
    beyond_chance: p_holm < 0.05, empty without a test. The printed columns tell the same claim on
    the paper's tables, of this dataset where it is the paper's own, else of each that the claim is
    about ("name: verdict; ...").
    """
    rows = []
    for claim in CLAIMS:
        for dataset, paper_name, view in _views(claim, upstream, transfer, counts):
            found = judged(claim, view)
            rows.append(
                {
                    "claim": claim.key,
                    "section": claim.section,
                    "sentence": claim.sentence,
                    "dataset": dataset,
                    "verdict": found.verdict,
                    "numbers": found.numbers,
                    "test": found.tested.words,
                    "p": found.tested.p,
                    **_printed(claim, paper_name),
                }
            )
    frame = pd.DataFrame(rows)
    frame["p_holm"] = pd.Series(holm([row["p"] for row in rows]), dtype="float64")
    frame["p"] = frame["p"].astype("float64")
    below = (frame["p_holm"] < LEVEL).map({True: "yes", False: "no"})
    frame["beyond_chance"] = below.where(frame["p_holm"].notna(), "")
    return frame[COLUMNS]


def judged(claim: Claim, view: object) -> Judgement:
    """The claim's judgement; Unjudged becomes a verdict."""
    if isinstance(view, NoView):
        return Judgement(UNJUDGED, view.reason)
    try:
        return claim.judge(view)
    except Unjudged as reason:
        return Judgement(UNJUDGED, str(reason))


def _views(
    claim: Claim,
    upstream: RunView | None,
    transfer: Sequence[RunView],
    counts: pd.DataFrame | None,
) -> Iterator[tuple[str, str | None, object]]:
    if claim.scope == "cost":
        if counts is not None:
            yield "", None, SizeView(counts)
    elif claim.scope == "words":
        yield "", None, None
    else:
        own = [upstream] if upstream else []
        views = own if claim.scope == "upstream" else transfer
        if not views:
            yield "", None, NoView(f"this run has no results of {STAGES[claim.scope]}")
        for view in views:
            # A sentence on one of the paper's datasets says nothing of its other ones.
            if not claim.about or view.paper_name is None or view.paper_name in claim.about:
                yield view.dataset, view.paper_name, view


def _printed(claim: Claim, paper_name: str | None) -> dict[str, str]:
    if claim.scope == "words":
        return {"printed_verdict": "", "printed_numbers": ""}
    if claim.scope == "cost":
        found = judged(claim, SizeView(None))
        return {"printed_verdict": found.verdict, "printed_numbers": found.numbers}
    own = [PRETRAINING_DATASET] if claim.scope == "upstream" else claim.about or TRANSFER_DATASETS
    names = [paper_name] if paper_name in own else own
    judgements = {name: judged(claim, PrintView(name)) for name in names}
    if len({(one.verdict, one.numbers) for one in judgements.values()}) == 1:
        one = next(iter(judgements.values()))
        return {"printed_verdict": one.verdict, "printed_numbers": one.numbers}
    verdicts = "; ".join(f"{name}: {one.verdict}" for name, one in judgements.items())
    numbers = "; ".join(f"{name}: {_with_p(one)}" for name, one in judgements.items())
    return {"printed_verdict": verdicts, "printed_numbers": numbers}


def _with_p(judgement: Judgement) -> str:
    test = judgement.tested
    return judgement.numbers + (f" [{test.words}: {test.p_words}]" if test.p is not None else "")


def _read(path: Path | str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a whole result file ({error}). Delete it and run again: the rule "
            "`metrics` writes it anew."
        ) from error

"""The ledger: every claim, judged on each dataset that it is about and on the paper's own print."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vipann.claims.counting import LEVEL, Claim
from vipann.claims.evidence import Model
from vipann.claims.judgement import UNJUDGED, Judge, Judgement, Unjudged
from vipann.claims.testing import Test, holm

COLUMNS = [
    *("claim", "section", "sentence", "dataset"),
    *("verdict", "numbers", "test", "p", "p_holm", "beyond_chance"),
    *("effect", "effect_low", "effect_high"),
    *("printed_verdict", "printed_numbers", "rule"),
]


@dataclass(frozen=True)
class PaperClaims:
    """What a paper claims, and how that is judged.

    judges: of every claim that has a scope, by its key; printed: scope -> the paper's name of a
    dataset -> a view of what it prints of that; stages: scope -> what a run that has none of it
    lacks; note: how the print is judged, for the reader; named: a model in the
    paper's words; quoted: whether the sentences are the paper's, word by word.

    Raises:
        LookupError: a claim has no judge, or a judge no claim.
    """

    claims: Sequence[Claim]
    judges: Mapping[str, Judge]
    printed: Mapping[str, Mapping[str, Any]]
    stages: Mapping[str, str]
    note: str
    named: Callable[[Model], str]
    quoted: bool = True

    def __post_init__(self) -> None:
        odd = {claim.key for claim in self.claims if claim.scope} ^ set(self.judges)
        if odd:
            raise LookupError(f"without a judge, or without a sentence: {', '.join(sorted(odd))}")

    def judge(self, claim: Claim, view: Any) -> Judgement:
        """The claim's judgement on a view; Unjudged becomes a verdict."""
        try:
            return self.judges[claim.key](view)
        except Unjudged as reason:
            return Judgement(UNJUDGED, str(reason))


def ledger(paper: PaperClaims, views: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Every claim on every dataset that it concerns, in the order of the paper's; columns:
    `COLUMNS`.

    views: by scope; each has a `dataset` and a `paper_name`. `dataset` is empty where a claim is
    about none, or the run has none for it. verdict: holds | does not hold | cannot be judged. p: of
    the verdict's test (`Judgement.tested`); p_holm: that adjusted by Holm for all tests of the
    ledger; beyond_chance: p_holm < 0.05, empty without a test; effect, effect_low, effect_high:
    `vipann.claims.testing.Effect` of the claim's test, empty where there is none; rule: how the
    claim is measured. The printed columns judge the same
    claim by the paper's tables, of this dataset where it is the paper's own, else of each that the
    claim is about ("name: verdict; ...").
    """
    rows = []
    for claim in paper.claims:
        for dataset, paper_name, found in _judged(paper, claim, views):
            row = [claim.key, claim.section, claim.sentence, dataset, found.verdict, found.numbers]
            tested = [found.tested.method, found.tested.p, None, "", *_effect(found.test)]
            rows.append([*row, *tested, *_printed(paper, claim, paper_name), claim.rule])
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["p_holm"] = holm(frame["p"].tolist())
    numbers = ["p", "effect", "effect_low", "effect_high"]
    frame[numbers] = frame[numbers].astype("float64")
    below = (frame["p_holm"] < LEVEL).map({True: "yes", False: "no"})
    frame["beyond_chance"] = below.where(frame["p_holm"].notna(), "")
    return frame


def _effect(test: Test) -> tuple[float | None, ...]:
    effect = test.effect
    return (effect.value, effect.low, effect.high) if effect else (None, None, None)


def _judged(
    paper: PaperClaims, claim: Claim, views: Mapping[str, Sequence[Any]]
) -> list[tuple[str, str | None, Judgement]]:
    """(dataset, the paper's name of it, judgement) on each view that the claim concerns."""
    if not claim.scope:
        return [("", None, Judgement(UNJUDGED, claim.reason))]
    if not views[claim.scope]:
        reason = f"this run has no results of {paper.stages[claim.scope]}"
        return [("", None, Judgement(UNJUDGED, reason))]
    # A sentence on one of the paper's datasets says nothing of its other ones.
    return [
        (view.dataset, view.paper_name, paper.judge(claim, view))
        for view in views[claim.scope]
        if not claim.about or view.paper_name is None or view.paper_name in claim.about
    ]


def _printed(paper: PaperClaims, claim: Claim, paper_name: str | None) -> tuple[str, str]:
    """Verdict and numbers by what the paper prints."""
    if not claim.scope:
        return "", ""
    printed = paper.printed[claim.scope]
    own = [name for name in printed if not claim.about or name in claim.about]
    names = [paper_name] if paper_name in own else own
    found = {name: paper.judge(claim, printed[name]) for name in names}
    if len({(one.verdict, one.numbers) for one in found.values()}) == 1:
        one = found[names[0]]
        return one.verdict, one.numbers
    verdicts = "; ".join(f"{name}: {one.verdict}" for name, one in found.items())
    return verdicts, "; ".join(f"{name}: {_with_p(one)}" for name, one in found.items())


def _with_p(judgement: Judgement) -> str:
    test = judgement.tested
    return judgement.numbers + (f" [{test.method}: {test.p_text}]" if test.p is not None else "")

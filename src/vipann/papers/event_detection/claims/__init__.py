"""What the thesis on event detection says in words, as in `vipann.papers.vi_pann.claims`: a module
a chapter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vipann.claims.counting import read_claims
from vipann.claims.ledger import PaperClaims
from vipann.claims.variants import VariantView
from vipann.papers import Sources
from vipann.papers.event_detection.claims import chapter4, chapter6
from vipann.papers.event_detection.printed import AUDIOSET
from vipann.papers.event_detection.subset import with_subset

PAPER = PaperClaims(
    claims=read_claims(Path(__file__).with_name("claims.csv")),
    judges={**chapter4.JUDGES, **chapter6.JUDGES},
    printed={
        "variants": {AUDIOSET: chapter4.PrintView()},
        "chapter6": {AUDIOSET: chapter6.PrintView()},
    },
    stages={"variants": "variants", "chapter6": "variants"},
    note=(
        "Tests over seeds: networks of the same seed are paired. They say how far the chance of "
        "training goes, with these clips to learn and be tested on. Three seeds leave two degrees "
        "of freedom: a mean difference shows from 1.7 standard deviations of the differences on, "
        "and what is not shown is not refuted by that. An ensemble is one network of its kind: "
        "claims on ensembles are judged by numbers. The thesis prints one number each, of one "
        "training: by its own numbers no test can be made."
    ),
    named=" ".join,
)


def read_views(sources: Sources, settings: Mapping[str, Any]) -> dict[str, Sequence[VariantView]]:
    """sources: variants, per_class, costs and quality, where there are any, and predictions and
    train_predictions of the networks that Table 4.2 is of."""
    upstream = settings["upstream"]
    if not sources.get("variants"):
        return {"variants": [], "chapter6": []}
    paper_name = settings["datasets"][upstream]["paper_name"]
    results = with_subset(sources)
    view = VariantView(upstream, paper_name, results, settings["named"], sources)
    return {"variants": [view], "chapter6": [view]}

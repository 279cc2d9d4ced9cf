"""What Gong, Chung and Glass (2021) say in words, as in `vipann.papers.vi_pann.claims`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vipann.claims.counting import read_claims
from vipann.claims.ledger import PaperClaims
from vipann.evaluation.variant_results import read_results
from vipann.papers import Sources
from vipann.papers.psla.claims import data, ensembles, techniques
from vipann.papers.psla.claims.views import PrintView, RunView
from vipann.papers.psla.printed import ON_EMBEDDINGS

BALANCED = "AudioSet balanced"
PAPER = PaperClaims(
    claims=read_claims(Path(__file__).with_name("claims.csv")),
    judges={**techniques.JUDGES, **data.JUDGES, **ensembles.JUDGES},
    printed={"variants": {name: PrintView(name) for name in (BALANCED, "AudioSet", "FSD50K")}},
    stages={"variants": "variants"},
    note=(
        "Tests over seeds: networks of the same seed are paired, others compared by Welch's t. "
        "They say how far the chance of training goes, with these clips to learn and be tested "
        "on. Three seeds leave two degrees of freedom: a mean difference shows from 1.7 standard "
        "deviations of the differences on, and what is not shown is not refuted by that. An "
        "ensemble is one network of its kind: claims on ensembles are judged by numbers. By the "
        "paper's own numbers: the same sentence on its tables, by these numbers, with a test where "
        "it prints standard deviations. Its Tables III and IV are pictures in our copy: what its "
        "text repeats of them is used."
    ),
    named=" ".join,
)


def read_views(sources: Sources, settings: Mapping[str, Any]) -> dict[str, Sequence[RunView]]:
    """sources: variants, per_class, manifests and, if there are any, label_sets."""
    upstream = settings["upstream"]
    if not sources.get("variants"):
        return {"variants": []}
    paper_name = settings["datasets"][upstream]["paper_name"]
    # What the paper says of the set, whatever is heard of its clips.
    paper_name = BALANCED if paper_name == ON_EMBEDDINGS else paper_name
    view = RunView(upstream, paper_name, read_results(sources), settings["named"], sources)
    return {"variants": [view]}

"""What the thesis on event detection says in words, as in `vipann.papers.vi_pann.claims`: a module
a chapter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vipann.claims.counting import read_claims
from vipann.claims.ledger import PaperClaims
from vipann.claims.variants import VariantView
from vipann.papers import Sources
from vipann.papers.event_detection.claims import chapter3, chapter4, chapter6, localisation
from vipann.papers.event_detection.printed import AUDIOSET
from vipann.papers.event_detection.raw_audio import URBANSOUND8K
from vipann.papers.event_detection.subset import with_subset

PAPER = PaperClaims(
    claims=read_claims(Path(__file__).with_name("claims.csv")),
    judges={**chapter3.JUDGES, **chapter4.JUDGES, **chapter6.JUDGES, **localisation.JUDGES},
    printed={
        "on_folds": {URBANSOUND8K: chapter3.PrintView()},
        "variants": {AUDIOSET: chapter4.PrintView()},
        "chapter6": {AUDIOSET: chapter6.PrintView()},
        "localisation": {AUDIOSET: localisation.PrintView()},
    },
    stages={
        "on_folds": "variants that are trained on folds",
        "variants": "variants",
        "chapter6": "variants",
        "localisation": "scores of frames against labels in time",
    },
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
    """sources, where there are any: scores, of variants on folds; variants, per_class, costs,
    quality; predictions and train_predictions of the networks of Table 4.2; localisation."""
    own = _upstream_views(sources, settings)
    return {
        "on_folds": chapter3.views_of(sources.get("scores", ()), settings),
        "variants": own,
        "chapter6": own,
        "localisation": localisation.views(sources, settings),
    }


def _upstream_views(sources: Sources, settings: Mapping[str, Any]) -> list[VariantView]:
    if not sources.get("variants"):
        return []
    upstream = settings["upstream"]
    paper_name = settings["datasets"][upstream]["paper_name"]
    results = with_subset(sources)
    return [VariantView(upstream, paper_name, results, settings["named"], sources)]

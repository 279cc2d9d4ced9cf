"""What the literature says of uncertainty in words, as in `vipann.papers.vi_pann.claims`.

`section` of a claim is its source. Nothing is printed that it could be judged by besides a run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vipann.claims.counting import read_claims
from vipann.claims.judgement import Judge
from vipann.claims.ledger import PaperClaims
from vipann.papers import Sources
from vipann.papers.uncertainty.claims import ensembles, ood_scores, probes, recalibration

JUDGES: dict[str, Judge] = {
    **recalibration.JUDGES,
    **ensembles.JUDGES,
    **probes.JUDGES,
    **ood_scores.JUDGES,
}
# Scope -> what a run that has none of it lacks. A scope is a part of the block `uncertainty`.
STAGES: dict[str, str] = {
    **recalibration.STAGES,
    **ensembles.STAGES,
    **probes.STAGES,
    **ood_scores.STAGES,
}
PAPER = PaperClaims(
    claims=read_claims(Path(__file__).with_name("claims.csv")),
    judges=JUDGES,
    printed={scope: {} for scope in STAGES},
    stages=STAGES,
    note="The sentences say in our words what the literature states, whose own numbers are of "
    "other networks and sounds.",
    named=" ".join,
    quoted=False,
)


def read_views(sources: Sources, settings: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Views by scope, each on one dataset of the run; sources: files by part, of the table
    `claims`."""
    files = {part: list(paths) for part, paths in sources.items()}
    return {
        **recalibration.views(files),
        **ensembles.views(files, settings),
        **probes.views(sources, settings),
        **ood_scores.views(files),
    }

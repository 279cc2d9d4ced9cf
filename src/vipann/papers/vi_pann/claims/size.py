"""Claims on the size of the paper's networks: Table 1.

Whatever network a run trains, these claims are about the paper's own, whose size is counted.
"""

from collections.abc import Callable, Mapping

from vipann.claims.judgement import FAILS, HOLDS, Judge, Judgement
from vipann.papers.vi_pann.claims.views import SizeView
from vipann.papers.vi_pann.printed import STRATEGY_NAMES

# How far a factor may be from 2 and still be "effectively" 2.
EFFECTIVELY = 0.01
LOW_COST = 0.6


def ratio(
    one: str, other: str, metrics: Mapping[str, str], holds: Callable[[float], bool]
) -> Judge:
    """The judge of a claim that `one` has so many times the Params or MACs of `other` on each
    dataset; metrics: what each is called."""

    def judge(view: SizeView) -> Judgement:
        found = {metric: view.ratios(one, other, metric) for metric in metrics}
        verdict = HOLDS if all(holds(r) for ratios in found.values() for r in ratios) else FAILS
        ranges = ", ".join(f"{metrics[name]}{_range(values)}" for name, values in found.items())
        names = f"{STRATEGY_NAMES[one]} / {STRATEGY_NAMES[other]}"
        return Judgement(verdict, f"the paper's networks, {names}: {ranges}")

    return judge


def _range(ratios: list[float]) -> str:
    low, high = f"{min(ratios):.3f}", f"{max(ratios):.3f}"
    return low if low == high else f"{low} to {high}"


PARAMETERS = {"Params": ""}
BOTH = {"Params": "parameters ", "MACs": "MACs "}

JUDGES: dict[str, Judge] = {
    "flip_doubles_parameters": ratio(
        "flip", "drop", PARAMETERS, lambda r: abs(r - 2) <= EFFECTIVELY
    ),
    "dropout_adds_no_parameters": ratio("drop", "det_flip", PARAMETERS, lambda r: r < 1),
    "det_flip_low_cost": ratio("det_flip", "flip", BOTH, lambda r: r <= LOW_COST),
}

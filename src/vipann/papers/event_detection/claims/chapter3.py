"""Claims of chapter 3: how deep, how wide, and with which layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipann.claims.judgement import FAILS, HOLDS, Judge, Judgement, Unjudged
from vipann.claims.testing import Test
from vipann.claims.variants import Better, Named, VariantView, shown
from vipann.evaluation.score_columns import ORIGINAL
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.raw_audio import (
    ARCHITECTURES,
    FIRST_FILTERS,
    FULLY_CONNECTED,
    TABLES,
    URBANSOUND8K,
    results_on_folds,
)

ACCURACY, CHANCE, CLOSE = "accuracy", 0.1, 0.05
_M3, _M5, _M11, _M18, _M34 = ARCHITECTURES.values()


@dataclass(frozen=True)
class PrintView:
    """The thesis's Tables 3.2 to 3.6, by the names of our variants."""

    is_print = True

    dataset: str = URBANSOUND8K
    paper_name: str | None = URBANSOUND8K

    def score(self, names: Named, metric: str = ACCURACY, label_set: str = ORIGINAL) -> float:
        wanted = [names] if isinstance(names, str) else names
        found = [
            paper_value(table, row, "Test")
            for table, rows in TABLES.items()
            for row, name in rows.items()
            if name in wanted
        ]
        if not found or found[0] is None:
            raise Unjudged("not printed")
        return found[0]

    def exceeds(
        self, better: Named, worse: Named, metric: str = ACCURACY, label_set: str = ORIGINAL
    ) -> Test:
        return Test(None, "no test: each network was trained once")


def views_of(paths: Sequence[str], settings: Mapping[str, Any]) -> list[VariantView]:
    """A view of each dataset in the files of `vipann.evaluation.fold_metrics`.

    settings: see `vipann.plan.claims`.
    """
    return [
        VariantView(name, settings["datasets"][name]["paper_name"], results, settings["named"], {})
        for name, results in results_on_folds(paths).items()
    ]


def close_to_chance(view: VariantView | PrintView) -> Judgement:
    accuracy = view.score("m34_no_bn", ACCURACY)
    verdict = HOLDS if abs(accuracy - CHANCE) <= CLOSE else FAILS
    return Judgement(verdict, f"accuracy {accuracy:.2%}, where chance is {CHANCE:.0%}")


def _above(label: str, better: str, worse: str) -> Better:
    return Better(label, better, worse, metric=ACCURACY)


def _over(rows: Mapping[str, str]) -> list[Better]:
    """That networks score above those of the same depth in `rows`, such as "M11-srf"."""
    return [
        _above(f"over {row}:", ARCHITECTURES[row.partition("-")[0]], name)
        for row, name in rows.items()
    ]


JUDGES: dict[str, Judge] = {
    "deeper_than_m3": shown(
        [_above(f"{row} over M3:", name, _M3) for row, name in ARCHITECTURES.items() if name != _M3]
    ),
    "deeper_is_better_up_to_m18": shown(
        [_above("M11 over M5:", _M11, _M5), _above("M18 over M11:", _M18, _M11)]
    ),
    "depth_is_not_size": shown([_above("M11 over M5-big:", _M11, "m5_big")]),
    "m34_below_m18": shown([_above("M18 over M34-res:", _M18, _M34)]),
    "m34_above_shallow": shown(
        [_above("M34-res over M3:", _M34, _M3), _above("M34-res over M5:", _M34, _M5)]
    ),
    "small_stride_no_better": shown([_above("M18 over it:", _M18, "m11_stride_1")]),
    "fully_connected_no_better": shown(_over(FULLY_CONNECTED)),
    "receptive_field_of_10_ms": shown(_over(FIRST_FILTERS)),
    "batch_norm_regularises": shown([_above("M18 over M18-no-bn:", _M18, "m18_no_bn")]),
    "m34_needs_batch_norm": close_to_chance,
}

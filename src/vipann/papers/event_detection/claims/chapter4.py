"""Claims on chapter 4: five poolings of the scores of frames."""

from typing import Any

from vipann.claims.judgement import FAILS, HOLDS, TIE, Judge, Judgement, Unjudged
from vipann.claims.testing import Test
from vipann.claims.variants import Better, Named, shown
from vipann.evaluation.score_columns import ORIGINAL
from vipann.papers.event_detection.names import ALL_POOLINGS, POOLINGS, POOLINGS_SEEDS
from vipann.papers.event_detection.printed import paper_value, printed_value

# A metric's table and column in print.
PLACES = {
    "mAP": ("4.3", "mAP"),
    "AUC": ("4.3", "AUC"),
    "d_prime": ("4.3", "d-prime"),
    "precision": ("4.2", "Prec."),
    "recall": ("4.2", "Rec."),
    "F1": ("4.2", "F1"),
}
ROWS = {name: row for row, name in POOLINGS.items()} | {ALL_POOLINGS: "Ensemble"}
MAXIMUM, LINEAR = POOLINGS["Max Pooling"], POOLINGS["Linear Softmax"]
OTHERS = {row: name for row, name in POOLINGS.items() if name != MAXIMUM}
# "A factor of almost 10" (section 4.5): a bound of ours.
ALMOST_TEN = 8.0


class PrintView:
    """What the thesis prints of poolings, of one training each."""

    is_print = True

    def score(self, names: Named, metric: str = "mAP", label_set: str = ORIGINAL) -> float:
        for name in [names] if isinstance(names, str) else names:
            table, column = PLACES[metric]
            value = paper_value(table, ROWS[name], column) if name in ROWS else None
            if value is not None and label_set == ORIGINAL:
                return value
        raise Unjudged("not printed")

    def exceeds(
        self, better: Named, worse: Named, metric: str = "mAP", label_set: str = ORIGINAL
    ) -> Test:
        return Test(None, "no test: one printed number each")


def above_maximum(metric: str) -> Judge:
    """Each of the other four above the maximum."""
    return shown(
        [Better(f"{row} over max:", name, MAXIMUM, metric=metric) for row, name in OTHERS.items()]
    )


def not_best_in_all(view: Any) -> Judgement:
    """By numbers: in some metric another pooling than linear softmax is best."""
    best = {}
    for metric in PLACES:
        scores = {row: view.score(name, metric) for row, name in POOLINGS.items()}
        best[metric] = max(scores, key=lambda row: (scores[row], row == "Linear Softmax"))
    others = {metric: row for metric, row in best.items() if POOLINGS[row] != LINEAR}
    text = ", ".join(f"{metric}: {row}" for metric, row in best.items())
    return Judgement(HOLDS if others else FAILS, f"best in {text}")


def late_fusion(view: Any) -> Judgement:
    """Of the print, the F1 of its ensemble above that of the best of its members; of a run, the
    ensemble of all poolings above the best ensemble of seeds, in mAP."""
    if view.is_print:
        rows = ("Ensemble", "MIL-DNN-Embed")
        ensemble, best = (printed_value("4.2", row, "F1") for row in rows)
        metric = "F1"
    else:
        ensemble, metric = view.score(ALL_POOLINGS), "mAP"
        best = max(view.score(name) for name in POOLINGS_SEEDS.values())
    holds = ensemble - best > TIE
    return Judgement(HOLDS if holds else FAILS, f"{metric} {best:.4f} to {ensemble:.4f}")


def ten_times_smaller(view: Any) -> Judgement:
    if not view.is_print:
        raise Unjudged("this run has no recurrent network on embeddings")
    sizes = [printed_value("4.2", f"MIL-{kind}-Embed", "Param #") for kind in ("RNN", "DNN")]
    times = sizes[0] / sizes[1]
    text = f"{sizes[0]:,.0f} to {sizes[1]:,.0f} parameters: {times:.1f} times"
    return Judgement(HOLDS if times >= ALMOST_TEN else FAILS, text)


JUDGES: dict[str, Judge] = {
    "four_above_max_in_map": above_maximum("mAP"),
    "four_above_max_in_f1": above_maximum("F1"),
    "average_above_max": shown([Better("", POOLINGS["Average Pooling"], MAXIMUM)]),
    "linear_softmax_not_best_in_all": not_best_in_all,
    "late_fusion_helps": late_fusion,
    "dnn_ten_times_smaller": ten_times_smaller,
}

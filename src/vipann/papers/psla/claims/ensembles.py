"""Claims on section VI: averages of weights, ensembles of predictions."""

import pandas as pd
from scipy import stats

from vipann.claims.judgement import FAILS, HOLDS, TIE, Judge, Judgement, Unjudged
from vipann.claims.variants import Better, by_numbers, shown
from vipann.papers.psla import names as n
from vipann.papers.psla.claims.views import PrintView, View
from vipann.papers.psla.figures.figure8 import PREDICTIONS, SINGLE_LINE, WEIGHTS, starts
from vipann.papers.psla.printed import paper_value
from vipann.papers.psla.tables.table11 import METRICS, committees

LEAST_ENSEMBLES = 5
SETTINGS = "settings_"


def _committees(view: View) -> pd.DataFrame:
    """A row an ensemble, columns METRICS."""
    if isinstance(view, PrintView):
        rows = {
            row: [paper_value(11, row, f"{view.column}/{metric}") for metric in METRICS]
            for row in n.COMMITTEES
        }
        found = pd.DataFrame(rows, index=list(METRICS), dtype="float64").T.dropna()
    else:
        frame = committees(view.results, view.named["ensembles"])
        found = frame.pivot(index="row", columns="metric", values="ours")
    if found.empty:
        raise Unjudged("no ensemble, or none that is printed")
    return found


def above_best_member(view: View) -> Judgement:
    found = _committees(view)
    gains = found["Ensemble mAP"] - found["Best mAP"]
    failing = gains[gains <= TIE]
    shown_gains = failing if len(failing) else gains
    worst = shown_gains.idxmin()
    numbers = (
        f"{len(gains)} ensembles, {gains.min():+.4f} to {gains.max():+.4f} against the best member"
    )
    numbers += f"; least: {worst}" if len(gains) > 1 else ""
    return Judgement(FAILS if len(failing) else HOLDS, numbers)


def goes_with_members(view: View) -> Judgement:
    found = _committees(view)
    if len(found) < LEAST_ENSEMBLES:
        raise Unjudged(f"{len(found)} ensembles are too few for a correlation")
    ranks = [
        float(stats.spearmanr(found[metric], found["Ensemble mAP"]).statistic)
        for metric in ("Avg mAP", "# Models")
    ]
    text = "rank correlation with members' mean mAP {:.2f}, with their number {:.2f}".format(*ranks)
    return Judgement(HOLDS if min(ranks) > 0 else FAILS, f"{len(found)} ensembles: {text}")


def all_is_best(view: View) -> Judgement:
    found = _committees(view)["Ensemble mAP"]
    if "all" not in found.index:
        raise Unjudged("this run has no ensemble of all its networks (settings_all)")
    others = found.drop("all")
    numbers = f"all {found['all']:.4f}, next {others.idxmax()} {others.max():.4f}"
    return Judgement(HOLDS if found["all"] > others.max() else FAILS, numbers)


def _lines(view: View) -> pd.DataFrame:
    if isinstance(view, PrintView):
        raise Unjudged("shown in a figure only")
    points = starts(view.results, view.named["averages"], view.named["ensembles"])
    if points.empty:
        raise Unjudged("this run has no scores of single epochs")
    return points


def insensitive_start(view: View) -> Judgement:
    """Averages of weights from a third of the epochs on, against the best checkpoint."""
    points = _lines(view)
    single, averaged = (points[points["what"] == what] for what in (SINGLE_LINE, WEIGHTS))
    later = averaged[averaged["epoch"] > single["epoch"].max() / 3]
    later = later[later["epoch"] < single["epoch"].max()]
    if len(later) < 2:
        raise Unjudged(
            "this run has fewer than two averages that start after a third of its epochs"
        )
    best = single["mAP"].max()
    numbers = (
        f"{len(later)} starts from epoch {later['epoch'].min():.0f} to {later['epoch'].max():.0f}: "
        f"{later['mAP'].min():.4f} to {later['mAP'].max():.4f}, best checkpoint {best:.4f}"
    )
    return Judgement(HOLDS if later["mAP"].min() > best else FAILS, numbers)


def first_epoch_best(view: View) -> Judgement:
    points = _lines(view)
    predicted = points[points["what"] == PREDICTIONS].set_index("epoch")["mAP"]
    if len(predicted) < 2:
        raise Unjudged("this run has fewer than two ensembles of checkpoints")
    first = predicted.index.min()
    numbers = f"from epoch {first:.0f} {predicted[first]:.4f}, best from {predicted.idxmax():.0f} "
    numbers += f"{predicted.max():.4f}"
    return Judgement(HOLDS if predicted.idxmax() == first else FAILS, numbers)


def any_start_above(view: View) -> Judgement:
    points = _lines(view)
    predicted = points[points["what"] == PREDICTIONS]
    if predicted.empty:
        raise Unjudged("this run has no ensemble of checkpoints")
    best = points[points["what"] == SINGLE_LINE]["mAP"].max()
    lowest = predicted["mAP"].min()
    numbers = f"{len(predicted)} starts, the least {lowest:.4f}; best checkpoint {best:.4f}"
    return Judgement(HOLDS if lowest > best else FAILS, numbers)


JUDGES: dict[str, Judge] = {
    "averaging_helps": shown([Better("", n.AVERAGED, n.SINGLE)]),
    "averaging_start_insensitive": insensitive_start,
    "ensemble_above_best_member": above_best_member,
    "all_checkpoints_best": first_epoch_best,
    "any_start_above_best_checkpoint": any_start_above,
    "seeds_above_checkpoints": by_numbers([Better("", n.SEEDS, n.CHECKPOINTS)]),
    "ensemble_goes_with_members": goes_with_members,
    "all_models_best": all_is_best,
}

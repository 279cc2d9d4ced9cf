"""Claims on sections III, IV, VII: what each technique of training brings."""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from vipann.claims.judgement import FAILS, HOLDS, Case, Each, Judge, Judgement, Unjudged
from vipann.claims.variants import Better, by_numbers, shown
from vipann.papers.psla import names as n
from vipann.papers.psla.claims.views import PrintView, RunView, View
from vipann.papers.psla.printed import FULL, SETS

NOTICEABLE = 0.01
# "High (over 0.95)", section VII-B.
HIGH = 0.95
BARELY = 0.002


def before_masking(view: View) -> Sequence[Better]:
    """On the full set masking comes after balanced sampling."""
    balanced = SETS.get(view.paper_name or "") == FULL
    return [Better("", n.MASKING, n.BALANCED if balanced else n.PRETRAIN)]


def balanced_with_augmentation(view: View) -> Judgement:
    """By networks where the run has both, else by the ablation's ensembles."""
    if isinstance(view, RunView) and view.results.first_of("augmented_balanced"):
        return shown([Better("", "augmented_balanced", n.AUGMENTED)])(view)
    return by_numbers([Better("", n.CHECKPOINTS, "minus_balanced")])(view)


def gain_by_volume(view: View) -> Judgement:
    gains = [
        view.score(pretrained) - view.score(plain)
        for plain, pretrained in map(n.volume_names, n.VOLUMES)
    ]
    numbers = ", ".join(
        f"{gain:+.4f} with {clips // 1000}k clips"
        for clips, gain in zip(n.VOLUMES, gains, strict=True)
    )
    falls = all(late < early for early, late in pairwise(gains))
    return Judgement(HOLDS if falls and min(gains) > 0 else FAILS, numbers)


def noticeably_better(view: View, row: str) -> Case:
    without, with_it, _ = n.with_and_without(row)
    scores = view.score(without), view.score(with_it)
    return Case(row, scores[1] - scores[0] >= NOTICEABLE, "{:.4f} to {:.4f}".format(*scores))


def alike_by_class(view: View) -> Judgement:
    if isinstance(view, PrintView):
        raise Unjudged("the paper prints no scores by class")
    names = [n.with_and_without(row)[1] for row in n.ARCHITECTURES]
    aps = [view.class_aps(name).mean(axis=1) for name in names]
    found = [one.corr(other) for one, other in combinations(aps, 2)]
    verdict = HOLDS if min(found) > HIGH else FAILS
    return Judgement(verdict, f"correlations {min(found):.3f} to {max(found):.3f}")


def barely_varies(view: View) -> Judgement:
    deviation = view.deviation(n.SINGLE)
    text = f"standard deviation of mAP over seeds {deviation:.4f}"
    return Judgement(HOLDS if deviation <= BARELY else FAILS, text)


def removing_any(view: View) -> Judgement:
    """Of those that the run removes; the print, all."""
    removed = [(row, names) for row, names in n.ABLATIONS.items() if row.startswith("- ")]
    if isinstance(view, RunView):
        removed = [one for one in removed if view.results.first_of(one[1])]
        if sum(names[0].startswith("minus_") for _, names in removed) < 2:
            raise Unjudged("this run leaves out fewer than two techniques, one at a time")
    else:
        removed = [one for one in removed if _is_printed(view, one[1])]
    return Each(
        [Better(row, n.CHECKPOINTS, names) for row, names in removed], _of_ensembles, shown=8
    )(view)


def _of_ensembles(view: View, pair: Better) -> Case:
    scores = [float(np.round(view.score(names), 6)) for names in (pair.better, pair.worse)]
    return Case(pair.label, scores[0] > scores[1], f"{scores[0]:.4f} to {scores[1]:.4f}")


def _is_printed(view: PrintView, names: Sequence[str]) -> bool:
    try:
        return bool(view.score(names))
    except Unjudged:
        return False


_rates, _alphas = n.MIXUP_RATES, n.MIXUP_ALPHAS
JUDGES: dict[str, Judge] = {
    "pretraining_helps": shown([Better("", "pretrain", n.BASELINE)]),
    "longer_training_is_no_substitute": shown([Better("", "pretrain", n.LONG)]),
    "pretraining_gain_falls_with_data": gain_by_volume,
    "balanced_alone_hurts": shown([Better("without balanced sampling", n.PRETRAIN, n.BALANCED)]),
    "masking_helps": shown(before_masking),
    "augmentation_helps": shown([Better("", n.AUGMENTED, n.PRETRAIN)]),
    "balanced_helps_with_augmentation": balanced_with_augmentation,
    "medium_mixup_rate_best": shown(
        [Better(f"0.5 over {rate}:", _rates["0.5"], _rates[rate]) for rate in ("0", "0.2", "1.0")]
    ),
    "large_mixup_alpha_best": shown(
        [Better(f"10 over {alpha}:", _alphas["10"], _alphas[alpha]) for alpha in ("0.1", "1")]
    ),
    "every_technique_needed": removing_any,
    "model_agnostic": Each(list(n.ARCHITECTURES), noticeably_better, shown=6),
    "classes_alike_across_models": alike_by_class,
    "seed_hardly_matters": barely_varies,
}

"""Claims on chapter 6: convolution and attention, pretraining, the rate, augmentation."""

from typing import Any

import pandas as pd

from vipann.claims.judgement import (
    FAILS,
    HOLDS,
    TIE,
    UNJUDGED,
    Case,
    Each,
    Judge,
    Judgement,
    Unjudged,
    by_test,
    not_below,
)
from vipann.claims.testing import Test, all_of, over_seeds
from vipann.claims.variants import Better, Named, shown
from vipann.evaluation.score_columns import ORIGINAL
from vipann.papers.event_detection import procedures as p
from vipann.papers.event_detection.figures.figure6_2 import QUARTERS, by_quality, read_quality
from vipann.papers.event_detection.printed import paper_value, printed_value
from vipann.papers.event_detection.tables._chapter6 import costs_of

# Bounds of ours: what "competitive" is, and what "2 points" may be.
COMPETITIVE = 0.01
TWO_POINTS = 0.03
SIX_TIMES = 6.0
STUCK = 0.1
NO_TEST = Test(None, "no test: one printed number each")
# By what a network's uncertainty is judged: how much mAP gains where the clips of the highest
# epistemic uncertainty are left out, and the calibration error, where less is better.
GAIN, ERROR = "retention_gain_epistemic", "ece"


class PrintView:
    """What the thesis prints of chapter 6's networks, of one training each."""

    is_print = True

    def score(self, names: Named, metric: str = "mAP", label_set: str = ORIGINAL) -> float:
        for name in [names] if isinstance(names, str) else names:
            value = paper_value(*_PLACES[name]) if name in _PLACES and metric == "mAP" else None
            if value is not None and label_set == ORIGINAL:
                return value
        raise Unjudged("not printed")

    def exceeds(
        self, better: Named, worse: Named, metric: str = "mAP", label_set: str = ORIGINAL
    ) -> Test:
        return NO_TEST


_PLACES = {
    **{
        p.variant(row, procedure): ("6.2", row, procedure)
        for row in p.ENCODERS
        for procedure in p.PROCEDURES
    },
    **{
        name: ("6.3", f"{procedure}, stride {stride}", "mAP")
        for (procedure, stride), name in p.STRIDES.items()
    },
    **{name: ("6.0", row, "mAP") for row, name in p.VARIANCES.items()},
}


def dropped(view: Any, row: str) -> Case:
    """That mAP falls without one technique of Table 6.4."""
    if view.is_print:
        drop, deviation = (
            printed_value("6.4", row, column) for column in ("mAP drop", "standard deviation")
        )
        return Case(f"{row}:", drop > TIE, f"{drop:+.3f} ± {deviation:.3f}", NO_TEST)
    full, without = p.ABLATIONS[row]
    drop = view.score(full) - view.score(without)
    return Case(f"{row}:", drop > TIE, f"{drop:+.4f}", view.exceeds(full, without))


def drops(*rows: str) -> Judge:
    """Each by test over seeds; the print by its numbers."""

    def judge(view: Any) -> Judgement:
        found = Each(rows, dropped)(view)
        if view.is_print or found.verdict == UNJUDGED:
            return found
        return by_test(found.numbers, found.test)

    return judge


def cutmix_above_mixup(view: Any) -> Judgement:
    """By the print: CutMix is worth more than mixup."""
    if not view.is_print:
        return shown([Better("", "cutmix", p.FULL)])(view)
    cutmix, mixup = (printed_value("6.4", row, "mAP drop") for row in ("CutMix", "Mixup"))
    numbers = f"worth {cutmix:.3f}, mixup {mixup:.3f}"
    return Judgement(HOLDS if cutmix - mixup > TIE else FAILS, numbers)


def competitive(view: Any, procedure: str) -> Case:
    """That the recurrent network is hardly below the best of the others under a procedure."""
    scores = {row: view.score(p.variant(row, procedure)) for row in p.ENCODERS}
    own = scores.pop("CRNN")
    best = max(scores, key=lambda row: scores[row])
    holds = not_below(own - scores[best], -COMPETITIVE)
    return Case(f"{procedure}:", holds, f"{own:.4f}, {best} {scores[best]:.4f}")


def decay_gains(view: Any) -> Judgement:
    said = printed_value("6.0", "Step decay over constant rate", "mAP gain")
    if view.is_print:
        raise Unjudged(f"the number itself: at least {said:.0%}")
    decayed, constant = (view.by_seed(name) for name in (p.FULL, p.CONSTANT))
    numbers = f"{constant.mean():.4f} to {decayed.mean():.4f}"
    return by_test(numbers, over_seeds(decayed, constant, said))


def stuck(view: Any, row: str) -> Case:
    if view.is_print:
        raise Unjudged("the numbers themselves: below 0.1")
    score = view.score(p.RATES[row])
    return Case(f"{row}:", score < STUCK, f"{score:.4f}")


def six_times_faster(view: Any) -> Judgement:
    """Small features against large ones, with the same stride of patches."""
    small, large = "ast_a3_stride_10", "ast_a1"
    if view.is_print:
        rows = ("A1, stride 10", "A3, stride 10")
        hours = [printed_value("6.3", row, "Hrs/Epoch") for row in rows]
        ratio, unit = hours[0] / hours[1], "hours an epoch, {:g} to {:g}".format(*hours)
    else:
        rates = costs_of(view.sources)["clips_per_second"]
        if not {small, large} <= set(rates.index):
            raise Unjudged("this run did not measure the cost of ast_a1 and ast_a3_stride_10")
        ratio = rates[small] / rates[large]
        unit = f"clips a second, {rates[large]:.3g} to {rates[small]:.3g}"
    return Judgement(HOLDS if ratio > SIX_TIMES else FAILS, f"{ratio:.1f} times: {unit}")


def two_points(view: Any, pair: tuple[str, str]) -> Case:
    """That small features cost about so much mAP, and not nothing."""
    large, small = map(view.score, pair)
    holds = large - small > TIE and not_below(TWO_POINTS, large - small)
    return Case(f"{pair[0]} to {pair[1]}:", holds, f"{large:.4f} to {small:.4f}")


def strides_help_small(view: Any) -> Judgement:
    """From a stride of 16 to one of 10, of small features more than of large ones."""
    names = [[p.STRIDES[procedure, stride] for stride in (10, 16)] for procedure in ("A3", "A1")]
    small, large = ([view.score(name) for name in pair] for pair in names)
    gains = small[0] - small[1], large[0] - large[1]
    numbers = "gains {:+.4f} with small features, {:+.4f} with large ones".format(*gains)
    if view.is_print:
        return Judgement(HOLDS if gains[0] - gains[1] > TIE else FAILS, numbers)
    series = [view.by_seed(short) - view.by_seed(long) for short, long in names]
    return by_test(numbers, over_seeds(*(one.dropna() for one in series)))


def quarters(view: Any, name: str) -> pd.Series:
    """mAP of each quarter of the classes by label quality, the poorest first, mean over seeds."""
    if view.is_print:
        raise Unjudged("shown in a figure only")
    quality = read_quality(view.sources)
    if quality.empty:
        raise Unjudged(
            f"this run has no estimate of label quality: datasets.{view.dataset}.label_quality"
        )
    found = by_quality(view.results, name, quality)
    if found.empty:
        raise Unjudged(f"this run has no {name}")
    return found.groupby("quarter")["mAP"].mean()


def large_win_in_good_classes(view: Any) -> Judgement:
    large, small = (quarters(view, name)[QUARTERS] for name in ("ast_a1", "ast_a3"))
    numbers = f"best quarter of the classes: {small:.4f} to {large:.4f}"
    return Judgement(HOLDS if large - small > TIE else FAILS, numbers)


def poor_labels_score_less(view: Any, procedure: str) -> Case:
    means = quarters(view, p.REPORTED[procedure])
    poorest, best = means[1], means[QUARTERS]
    return Case(f"{procedure}:", best - poorest > TIE, f"{poorest:.4f} to {best:.4f}")


def no_calibrated_uncertainty(view: Any) -> Judgement:
    """Whether Transformers that are made Bayesian know less of what they do not know than a
    convolutional network made so the same way."""
    if view.is_print:
        raise Unjudged("a remark without numbers")
    tests, texts = [], []
    for strategy in p.BAYESIAN:
        control = f"{p.CONVOLUTIONAL}_{strategy}"
        for encoder in (*p.TRANSFORMERS, *p.HYBRIDS):
            own = f"{encoder}_{strategy}"
            tests.append(over_seeds(view.by_seed(control, GAIN), view.by_seed(own, GAIN)))
            tests.append(over_seeds(view.by_seed(own, ERROR), view.by_seed(control, ERROR)))
            texts.append(f"{own} {_uncertainty_text(view, own)}")
        texts.append(f"{control} {_uncertainty_text(view, control)}")
    return by_test(", ".join(texts), all_of(tests))


def _uncertainty_text(view: Any, name: str) -> str:
    return f"{view.score(name, GAIN):+.4f} (ECE {view.score(name, ERROR):.4f})"


JUDGES: dict[str, Judge] = {
    "hybrid_beats_pretrained_ast": shown(
        [
            Better("large features:", "cnn_transformer_a2", "ast_a1"),
            Better("small features:", "cnn_transformer_a4", "ast_a3"),
        ]
    ),
    "crnn_competitive": Each(("A2", "A4"), competitive),
    "transformer_below_ast": shown(
        [
            Better("large features:", "ast_a1", "transformer_a2"),
            Better("small features:", "ast_a3", "transformer_a4"),
        ]
    ),
    "ast_needs_pretraining": shown(
        [Better("large:", "ast_a1", "ast_a2"), Better("small:", "ast_a3", "ast_a4")]
    ),
    "imagenet_helps_some": shown(
        [
            Better(f"{encoder}, {size}:", f"{encoder}_{with_it}", f"{encoder}_{without}")
            for encoder in ("ast", "resnet50")
            for size, with_it, without in (("large", "a1", "a2"), ("small", "a3", "a4"))
        ]
    ),
    "decay_gains_two_points": decay_gains,
    "wrong_rate_sticks": Each(tuple(p.RATES), stuck),
    "regularization_costs": shown([Better("", p.FULL, p.WEIGHT_DECAY)]),
    "input_variance_matters": shown(
        [Better(f"{row}:", "ast_a3", name) for row, name in p.VARIANCES.items()]
    ),
    "augmentation_helps_all": drops("Mixup", "SpecAug"),
    "balanced_sampling_helps": drops("data balancing"),
    "cutmix_above_mixup": cutmix_above_mixup,
    "small_features_six_times_faster": six_times_faster,
    "small_features_cost_two_points": Each(
        (("ast_a1", "ast_a3"), ("cnn_transformer_a2", "cnn_transformer_a4")), two_points
    ),
    "short_strides_help_small_features": strides_help_small,
    "large_features_win_in_good_classes": large_win_in_good_classes,
    "poor_labels_score_less": Each(tuple(p.PROCEDURES), poor_labels_score_less),
    "transformers_lack_calibrated_uncertainty": no_calibrated_uncertainty,
}

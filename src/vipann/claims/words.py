"""Claims that no result file can judge, and why: listed so that the ledger is complete."""

from collections.abc import Callable
from typing import Any, NoReturn

from vipann.claims.judgement import Claim, Unjudged


def _never(reason: str) -> Callable[[Any], NoReturn]:
    def judge(_: Any) -> NoReturn:
        raise Unjudged(reason)

    return judge


CLAIMS = (
    Claim(
        "overfitting_from_scratch",
        "4.3",
        "When trained from scratch [...], the high-capacity ResNet-54 models [...] suffer from "
        "overfitting.",
        "words",
        "Would need accuracies on training clips, which the paper does not print.",
        _never("no accuracies on training clips are kept"),
    ),
    Claim(
        "cause_of_poor_calibration",
        "4.2",
        "The observed poor calibration is likely attributed to the complexity and significant "
        "class imbalance within the AudioSet dataset [and to the dropout rate not being learned].",
        "words",
        "Would need runs with balanced classes, and with concrete dropout.",
        _never("no run varies the cause"),
    ),
    Claim(
        "cause_of_tight_uncertainty",
        "4.2",
        "This phenomenon [the tighter distribution on ShipsEar] is likely attributed to the "
        "diversity of the input data, extreme class imbalance, and unsatisfactory label quality.",
        "words",
        "Would need runs that vary diversity, balance or label quality.",
        _never("no run varies the cause"),
    ),
    Claim(
        "cause_of_stairs",
        "4.3",
        "The stairstep pattern evident in the DCASE2013 plots is attributed to the comparatively "
        "small size of the DCASE2013 dataset.",
        "words",
        "An explanation; that 20 clips a fold make steps of 1/20 and more is arithmetic.",
        _never("an explanation, not a measurement"),
    ),
    Claim(
        "cause_of_outside_uncertainty",
        "4.3",
        "This outcome [higher, broader uncertainty on ShipsEar] is anticipated given that these "
        "models perform exceptionally well with low uncertainty on the TL datasets.",
        "words",
        "An explanation; its premise is the claim exceptionally_well.",
        _never("an explanation, not a measurement"),
    ),
    Claim(
        "first_of_its_kind",
        "abstract, 1, 5",
        "We demonstrate, for the first time, that it is possible to transfer calibrated "
        "uncertainty information; [...] the first adaptation of the uncertainty decomposition for "
        "multi-label problems.",
        "words",
        "A statement on the literature.",
        _never("a statement on the literature"),
    ),
    Claim(
        "transformers_lack_uncertainty",
        "4.3",
        "Transformer-based architectures [of the state of the art] are deterministic and do not "
        "provide access to calibrated epistemic uncertainty information.",
        "words",
        "A statement on other networks.",
        _never("a statement on networks that are not run here"),
    ),
    Claim(
        "universal",
        "5",
        "The presented methodology for TL with variational audio embeddings is universal and "
        "applicable to diverse audio tasks.",
        "words",
        "No finite set of datasets can show it.",
        _never("no finite set of datasets can show it"),
    ),
)

"""Claims on chapter 4 that need labels in time: which frames the poolings score high."""

from collections.abc import Mapping, Sequence
from typing import Any

from vipann.claims.judgement import Judge, Unjudged
from vipann.claims.testing import Test
from vipann.claims.variants import Better, Named, VariantView, shown
from vipann.evaluation.score_columns import ORIGINAL
from vipann.papers import Sources
from vipann.papers.event_detection.localisation import printed_of, read_localisation
from vipann.papers.event_detection.names import POOLINGS

F1, RECALL = "segment_f1", "segment_recall"
ERRORS, FALSE_POSITIVES = "segment_error_rate", "segment_false_positives"
MAXIMUM, MEAN, LINEAR, EXPONENTIAL, ATTENTION = POOLINGS.values()
_ROWS = {name: row for row, name in POOLINGS.items()}


class PrintView:
    """What Table 4.2 prints of TALNet on DCASE 2017, one training of each pooling."""

    is_print = True

    def score(self, names: Named, metric: str = F1, label_set: str = ORIGINAL) -> float:
        for name in [names] if isinstance(names, str) else names:
            value = printed_of(_ROWS.get(name, ""), metric)
            if value is not None and label_set == ORIGINAL:
                return value
        raise Unjudged("not printed")

    def exceeds(
        self, better: Named, worse: Named, metric: str = F1, label_set: str = ORIGINAL
    ) -> Test:
        return Test(None, "no test: one printed number each")


def views(sources: Sources, settings: Mapping[str, Any]) -> list[VariantView]:
    """sources: localisation, where the run has scored events in time."""
    if not sources.get("localisation"):
        return []
    upstream = settings["upstream"]
    paper_name = settings["datasets"][upstream]["paper_name"]
    results = read_localisation(sources)
    return [VariantView(upstream, paper_name, results, settings["named"], sources)]


def above(several: Sequence[str], one: str, metric: str) -> list[Better]:
    """That `metric` of each of several poolings is above that of one."""
    return [_pair(more, one, metric) for more in several]


def _pair(more: str, less: str, metric: str) -> Better:
    what = metric.removeprefix("segment_").replace("_", " ").replace("f1", "F1")
    label = f"{what}, {_ROWS[more]} over {_ROWS[less]}:"
    return Better(label, more, less, metric=metric)


_OTHERS = (MEAN, LINEAR, EXPONENTIAL, ATTENTION)
JUDGES: dict[str, Judge] = {
    "four_above_max_in_time": shown(above(_OTHERS, MAXIMUM, F1)),
    "max_misses_frames": shown(above(_OTHERS, MAXIMUM, RECALL)),
    "average_has_false_positives": shown(above([MEAN], LINEAR, FALSE_POSITIVES)),
    "exponential_has_fewer_than_average": shown(
        [
            *above([EXPONENTIAL], LINEAR, FALSE_POSITIVES),
            *above([MEAN], EXPONENTIAL, FALSE_POSITIVES),
        ]
    ),
    "attention_inconsistent_in_time": shown(above([ATTENTION], LINEAR, FALSE_POSITIVES)),
    "linear_softmax_alone_localises": shown(
        [*above([LINEAR], MAXIMUM, F1), *above([MEAN, EXPONENTIAL, ATTENTION], LINEAR, ERRORS)]
    ),
}

"""Events in time: which networks' scores of frames they are cut from, and how they are scored."""

from typing import Any

from vipann.datasets.registry import STRONGLY_LABELLED
from vipann.plan.networks import Network, networks_of
from vipann.plan.run import Run
from vipann.plan.variants import VariantNetwork, averages, variant_networks

_CUTTING = ("high", "low", "median_filter_s", "merge_gap_s", "min_duration_s")
_SCORING = ("segment_s", "collar_s")


def event_networks(run: Run) -> list[Network]:
    """The networks whose events `all` cuts: those of variants and averages, in a run without any
    the upstream ones; none without scores of frames."""
    if run.upstream is None or not run.config["evaluation"]["frame_scores"]:
        return []
    return [*variant_networks(run), *averages(run)] or networks_of(run, run.upstream)


def events_of(network: Network) -> str:
    return f"{network.run.results}/events/{network.path}.csv"


def events_settings(run: Run) -> dict[str, Any]:
    """Of the job that cuts them."""
    return run.settings("events.py", cutting={k: run.config["events"][k] for k in _CUTTING})


def localised(run: Run) -> str | None:
    """The dataset whose strong labels events are held against; None where nothing is."""
    if run.upstream is None or not event_networks(run):
        return None
    has_labels = run.blocks[run.upstream]["adapter"] in STRONGLY_LABELLED
    return run.upstream if has_labels else None


def strong_labels_of(run: Run, dataset: str) -> str:
    return f"{run.results}/manifests/{dataset}.strong_labels.csv"


def localisation_of(run: Run, dataset: str) -> str:
    return f"{run.results}/metrics/{dataset}.localisation.parquet"


def localisation_settings(run: Run) -> dict[str, Any]:
    """networks: which each is whose events are scored, see `vipann.evaluation.variant_metrics`."""
    return run.settings(
        "localisation.py",
        networks=[_facts(one) for one in event_networks(run)],
        scoring={key: run.config["events"][key] for key in _SCORING},
    )


def _facts(one: Network) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": one.strategy, "variant": one.strategy, "seed": None}
    if isinstance(one, VariantNetwork):
        facts = {"name": one.name, "variant": one.variant, "seed": one.seed}
    is_average = isinstance(one, VariantNetwork) and one.average
    return facts | {"kind": "average" if is_average else "network", "epoch": None}

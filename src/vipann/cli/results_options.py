"""The arguments of all commands that make results of a survey, and their making."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vipann.survey.model import Model
    from vipann.survey.recordings import Recording
    from vipann.survey.results import Settings

_ORDERS = "epistemic, total, aleatoric, ood, near_threshold"


def add_results(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("events").add_argument
    add("--wished-precision", type=float, metavar="P", help="of detections (default: 0.9)")
    add(
        "--threshold",
        metavar="CLASS=P",
        action="append",
        default=[],
        help="of one class, instead; may be given several times",
    )
    add("--gap-seconds", type=float, metavar="S", help="events no further apart are one")
    add("--least-windows", type=int, metavar="N", help="events of fewer windows are left out")
    add = parser.add_argument_group("counts").add_argument
    add("--time-zone", metavar="ZONE", help="of clocks in file names (default: UTC)")
    add("--starts", metavar="CSV", help="when recordings start: columns recording, started_at")
    add("--counts-by", choices=["held_out", "audit"], help="whose labels say what scores are worth")
    add = parser.add_argument_group("review").add_argument
    add("--review", metavar="NAME", help="folder of the review (default: review)")
    add("--clips", type=int, metavar="N", help="clips in the orders (default: 60)")
    add("--audit", type=int, metavar="N", help="clips at random (default: 40)")
    add("--orders", metavar="A,B", help=f"some of {_ORDERS}, with commas")


def make_results(
    settings: "Settings",
    seed: int,
    survey: Path,
    model: "Model",
    recordings: Sequence["Recording"],
    out: Path,
) -> None:
    """Write the results of a survey into `out` and print where they are."""
    import pandas as pd

    from vipann.survey.results import refuse_other_model, write_results

    refuse_other_model(survey, model)
    paths = {one.name: one.path for one in recordings}
    write_results(survey, model.folder, paths, settings, seed, out)
    found = pd.read_parquet(out / "events.parquet", columns=["class"])["class"].value_counts()
    of_classes = ", ".join(f"{count} {name}" for name, count in found.items())
    print(f"{found.sum()} events{f' ({of_classes})' if of_classes else ''}")
    print(f"events, counts and tables of other programs in {out}")
    if (page := out / settings.review.name / "review.html").exists():
        print(f"review: open {page} in a browser, and save labels.csv beside it")


def settings_from(options: argparse.Namespace) -> "Settings":
    """What these arguments say; what was not given is as in a config's block `survey.results`."""
    from vipann.survey.results import settings_of

    events = ("wished_precision", "gap_seconds", "least_windows")
    names = (*events, "time_zone", "starts", "counts_by")
    values: dict[str, Any] = {name: getattr(options, name) for name in names}
    review = {"name": options.review, "clips": options.clips, "audit": options.audit}
    review["orders"] = options.orders.split(",") if options.orders else None
    values["review"] = {name: value for name, value in review.items() if value is not None}
    values["thresholds"] = dict(map(_threshold, options.threshold))
    return settings_of({name: value for name, value in values.items() if value is not None})


def _threshold(text: str) -> tuple[str, float]:
    from vipann.errors import UserError

    name, equals, value = text.rpartition("=")
    try:
        threshold = float(value)
    except ValueError:
        equals = ""
    if not equals or not 0 <= threshold <= 1:
        raise UserError(f"--threshold {text}: write it as a class and a share, such as wren=0.8")
    return name, threshold

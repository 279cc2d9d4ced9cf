"""`vipann results`: what a user reads of a survey."""

import argparse
from pathlib import Path

DESCRIPTION = """\
Events, counts and a page to review clips on, from the scores of a survey. Thresholds are those at
which detections among the model's held-out clips were as often right as is wished. A review that is
there already stays; once its labels.csv lies in it, audit.csv says how often the model is right."""
EXAMPLES = """\
  vipann results season whales/ /data/hydrophone --time-zone Europe/Oslo
  vipann results season whales/ /data/hydrophone --precision 0.8 --threshold orca=0.95
  vipann results season whales/ /data/hydrophone --counts-by audit --review second --clips 50"""
_ORDERS = "epistemic, total, aleatoric, ood, near_threshold"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("survey", metavar="DIR", help="the folder that `vipann survey` wrote")
    parser.add_argument("model", metavar="MODEL", help="the model folder that it was made by")
    parser.add_argument(
        "recordings",
        metavar="RECORDINGS",
        nargs="*",
        help="what was surveyed, as it was named then; without it no review is made",
    )
    parser.add_argument("--out", metavar="DIR", help="for the results (default: the survey's own)")
    add = parser.add_argument_group("events").add_argument
    add("--precision", type=float, metavar="P", help="wished of detections (default: 0.9)")
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
    add("--seed", type=int, default=0, metavar="N", help="of the audit and of intervals")


def run(options: argparse.Namespace) -> None:
    from vipann.survey.recordings import find_recordings
    from vipann.survey.results import settings_of, write_results

    names = ("precision", "gap_seconds", "least_windows", "time_zone", "starts", "counts_by")
    block = {name: value for name in names if (value := getattr(options, name)) is not None}
    orders = options.orders.split(",") if options.orders else None
    review = {"name": options.review, "clips": options.clips, "audit": options.audit}
    review = {k: v for k, v in (review | {"orders": orders}).items() if v is not None}
    thresholds = dict(map(_threshold, options.threshold))
    settings = settings_of(block | {"thresholds": thresholds, "review": review})
    found = find_recordings(options.recordings) if options.recordings else []
    out = Path(options.out or options.survey)
    paths = {one.name: one.path for one in found}
    write_results(Path(options.survey), Path(options.model), paths, settings, options.seed, out)
    print(f"events, counts and tables of other programs in {out}")
    if (page := out / settings.review.name / "review.html").exists():
        print(f"review: open {page} in a browser, and save labels.csv beside it")


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

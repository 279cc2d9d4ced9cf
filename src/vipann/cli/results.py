"""`vipann results`: what a user reads of a survey."""

import argparse
from pathlib import Path

from vipann.cli.results_options import add_results, make_results, settings_from

DESCRIPTION = """\
Make events, counts and a page to review clips on anew, from the scores of a survey. Thresholds are
those at which detections among the model's held-out clips were as often right as is wished. A
review that is there already stays; once its labels.csv lies in it, audit.csv says how often the
model is right."""
EXAMPLES = """\
  vipann results season whales/ /data/hydrophone --time-zone Europe/Oslo
  vipann results season whales/ /data/hydrophone --wished-precision 0.8 --threshold orca=0.95
  vipann results season whales/ /data/hydrophone --counts-by audit --review second --clips 50"""


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
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the audit and of intervals (0)"
    )
    add_results(parser)


def run(options: argparse.Namespace) -> None:
    from vipann.survey.model import Model
    from vipann.survey.recordings import find_recordings

    survey, out = Path(options.survey), Path(options.out or options.survey)
    found = find_recordings(options.recordings, outside=survey) if options.recordings else []
    settings = settings_from(options)
    make_results(settings, options.seed, survey, Model.load(options.model), found, out)

"""`vipann survey`: score a season of recordings."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from vipann.cli.results_options import add_results, make_results, settings_from
from vipann.cli.scoring_options import add_scoring, survey_of

DESCRIPTION = """\
Score all windows of recordings, of any number and length, and make of them events, counts and a
page to review clips on. A call that was stopped is gone on with by calling again; recordings that
are new, or have changed, are the only ones scored then. The results are always those of this call's
options; `vipann results` makes them anew without hearing anything."""
EXAMPLES = """\
  vipann survey whales/ /data/hydrophone --out season --time-zone Europe/Oslo
  vipann survey whales/ 2026-05/ 2026-06/ --out season --hop-seconds 2.5 --mc-samples 30
  vipann survey whales/ /data/hydrophone --out season --no-results"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model folder, from `vipann export`")
    parser.add_argument(
        "recordings", metavar="RECORDINGS", nargs="+", help="folders of recordings, or files"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the survey's folder")
    parser.add_argument(
        "--shard-hours",
        type=float,
        default=12.0,
        metavar="H",
        help="audio a file of results; what a killed call may have to score again (default: 12)",
    )
    parser.add_argument("--no-results", action="store_true", help="leave the results out")
    add_scoring(parser)
    add_results(parser)


def run(options: argparse.Namespace) -> None:
    from vipann.errors import UserError
    from vipann.survey.engine import survey
    from vipann.survey.model import Model
    from vipann.survey.recordings import find_recordings

    if not options.shard_hours > 0:
        raise UserError("--shard-hours must be above 0")
    out = Path(options.out)
    model = Model.load(options.model)
    recordings = find_recordings(options.recordings, outside=out)
    settings = settings_from(options)
    how = replace(survey_of(options), shard_hours=options.shard_hours)
    found = survey(model, recordings, out, how)
    print(
        f"{found.recordings} recordings scored ({found.hours:.2f} h), {found.earlier} were already;"
        f" windows in {out / 'shards'}"
    )
    for name, fault in found.faults.items():
        print(f"not heard in full: {name}: {fault}", file=sys.stderr)
    if not options.no_results:
        make_results(settings, options.seed or 0, out, model, recordings, out)

"""`vipann survey`: score a season of recordings."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from vipann.cli.scoring_options import add_scoring, survey_of

DESCRIPTION = """\
Score all windows of recordings, of any number and length. A call that was stopped is gone on with
by calling again; recordings that are new, or have changed, are the only ones scored then."""
EXAMPLES = """\
  vipann survey whales/ /data/hydrophone --out season
  vipann survey whales/ 2026-05/ 2026-06/ --out season --hop-seconds 2.5 --mc-samples 30"""


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
    add_scoring(parser)


def run(options: argparse.Namespace) -> None:
    from vipann.survey.engine import survey
    from vipann.survey.model import Model
    from vipann.survey.recordings import find_recordings

    model = Model.load(options.model)
    recordings = find_recordings(options.recordings)
    how = replace(survey_of(options), shard_hours=options.shard_hours)
    found = survey(model, recordings, Path(options.out), how)
    print(
        f"{found.recordings} recordings scored ({found.hours:.2f} h), {found.earlier} were already;"
        f" windows in {Path(options.out, 'shards')}"
    )
    for name, fault in found.faults.items():
        print(f"not heard in full: {name}: {fault}", file=sys.stderr)

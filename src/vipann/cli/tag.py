"""`vipann tag`: what is in one recording, on the terminal."""

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from vipann.cli.scoring_options import add_scoring, survey_of

DESCRIPTION = """\
Show what the networks hear in recordings, window by window. Probabilities are means over Monte
Carlo samples and folds; calibrated, in brackets: of the model's held-out clips with such a score,
the share that held the class. Uncertainties are in nats: total = aleatoric + epistemic."""
EXAMPLES = """\
  vipann tag whales/ dive.wav
  vipann tag whales/ dive.wav --top 1 --csv > dive.csv"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model folder, from `vipann export`")
    parser.add_argument("recordings", metavar="FILE", nargs="+", help="recordings")
    parser.add_argument("--top", type=int, default=3, metavar="K", help="classes a window (3)")
    parser.add_argument("--csv", action="store_true", help="comma-separated, to keep")
    add_scoring(parser)


def run(options: argparse.Namespace) -> None:
    from vipann.errors import UserError
    from vipann.survey.engine import survey
    from vipann.survey.held_out import read_held_out
    from vipann.survey.model import Model
    from vipann.survey.recordings import find_recordings
    from vipann.survey.tags import lines_of, tags_of
    from vipann.survey.windows import read_survey

    if options.top < 1:
        raise UserError("--top must be at least 1")
    model = Model.load(options.model)
    recordings = find_recordings(options.recordings)
    with TemporaryDirectory() as folder:
        found = survey(model, recordings, Path(folder), survey_of(options), quiet=True)
        tags = tags_of(read_survey(folder), read_held_out(model.folder), options.top)
    if options.csv:
        tags.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        for line in lines_of(tags, shutil.get_terminal_size().columns):
            print(line)
    for name, fault in found.faults.items():
        print(f"not heard in full: {name}: {fault}", file=sys.stderr)
    if not len(tags):
        raise UserError("nothing could be heard in these recordings.")

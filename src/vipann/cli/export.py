"""`vipann export`: from a finished run to a model folder."""

import argparse
from pathlib import Path

DESCRIPTION = """\
Make a model folder of the networks of a finished run: those of all folds of one dataset, strategy
and phase, with their model card and what they said of held-out clips."""
EXAMPLES = """\
  vipann export results/laptop whales/ --dataset esc10 --strategy det_flip --phase finetuned
  vipann export results/mine birds/ --strategy det_flip --phase fixed --program"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the folder of a run, such as results/laptop")
    parser.add_argument("out", metavar="DIR", help="the model folder to make")
    parser.add_argument("--dataset", help="which the networks were trained for")
    parser.add_argument("--strategy", help="det, drop, det_flip or flip")
    parser.add_argument("--phase", help="fixed, finetuned, scratch or pretrained")
    parser.add_argument(
        "--padding",
        choices=["zero", "repeat", "reflect"],
        help="of short windows (default: that of the run's features)",
    )
    parser.add_argument(
        "--program",
        action="store_true",
        help="add model.pt2, the deterministic mean as a `torch.export` program",
    )


def run(options: argparse.Namespace) -> None:
    from vipann.survey.export import export
    from vipann.survey.finished import choose

    which = (options.dataset, options.strategy, options.phase)
    model = export(choose(Path(options.run), *which), Path(options.out), options.padding)
    print(f"{model.folder}: {len(model.folds)} networks, {len(model.classes)} classes")
    if options.program:
        print("making and checking the program of the deterministic mean", flush=True)
        from vipann.survey.program import write_program

        print(f"{write_program(model)}: the deterministic mean, checked against the networks")

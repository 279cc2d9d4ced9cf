"""`vipann collect`: reviewed clips and those before as the dataset of the next run."""

import argparse
from pathlib import Path

DESCRIPTION = """\
Put reviewed clips and the clips before them into one dataset, for the next run: a folder with links
to the audio and a table, clips.csv, that `adapter: folder` reads."""
EXAMPLES = """\
  vipann collect season/review --data /data/whales --out /data/whales_2
  vipann collect season/review season/second --data /data/whales --table clips.csv --out /data/w3"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "reviews", metavar="REVIEW", nargs="+", help="folders of reviews with labels.csv in them"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="for the dataset")
    parser.add_argument("--data", metavar="DIR", help="folder of the clips before")
    parser.add_argument(
        "--table", metavar="CSV", help="that lists them, below --data (default: folders by class)"
    )
    parser.add_argument(
        "--without-other", action="store_true", help="leave out clips of none of the classes"
    )


def run(options: argparse.Namespace) -> None:
    from vipann.survey.collecting import TABLE, collect

    out, data = Path(options.out), Path(options.data) if options.data else None
    reviews = [Path(one) for one in options.reviews]
    clips = collect(reviews, out, data, options.table, keep_other=not options.without_other)
    print(f"{clips} clips in {out / TABLE}; in your config:")
    print(f"    options: {{path: {out.resolve()}, csv: {TABLE}}}")

"""What Snakemake's report opens with, as a piece of HTML that its first page takes in: its stages,
and a few figures, small."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from vipann.files import replacing
from vipann.report.front import Item, picture_of
from vipann.report.glossary import glossary_html

# What a run makes, in the order of the flow: a folder of it, and the files of one result each.
COUNTED = {
    "datasets": ("manifests", "*.summary.csv"),
    "feature files": ("features", "*.h5"),
    "trainings": ("curves", "*.csv"),
    "predictions": ("predictions", "*.h5"),
    "metric files": ("metrics", "*.parquet"),
    "tables": ("tables", "*.csv"),
    "figures": ("figures", "*.png"),
}
WIDTH = 420  # pixels of a thumbnail


def write_first_page(
    folder: Path, figures: Sequence[Item], out: Path | str, terms: Sequence[str] = ()
) -> None:
    """Write the piece of the run in `folder`, whose name in the report starts each result's.

    figures: title and files, below the folder; a click on one shows it in full. terms: the
    strategies and phases of the run's networks.
    """
    steps = "".join(
        f"<li><b>{count}</b> {stage if count > 1 else stage.removesuffix('s')}</li>"
        for stage, count in results_by_stage(folder).items()
    )
    shown = "\n".join(_thumbnail(folder, *item) for item in figures)
    with replacing(out) as beside:
        beside.write_text(
            f'<ol class="stages">{steps}</ol>\n<div class="gallery">\n{shown}\n</div>\n'
            f"{glossary_html(terms)}",
            encoding="utf-8",
        )


def results_by_stage(folder: Path) -> dict[str, int]:
    """Stage -> how many results of it lie in a run's folder, of those that have any."""
    counts = {
        stage: len(list((folder / name).rglob(pattern)))
        for stage, (name, pattern) in COUNTED.items()
    }
    return {stage: count for stage, count in counts.items() if count}


def _thumbnail(folder: Path, title: str, files: Sequence[str]) -> str:
    png = picture_of(files)
    data = base64.b64encode(_small(folder / png)).decode()
    # As the report calls it: the run's folder lies in the folder of results.
    result = quote("/".join([*folder.parts[-2:], png]))
    shows = f"navbarMode: 'resultinfo', resultPath: '{result}', content: 'img'"
    return (
        f'<figure><a href="javascript:app.setView({{{shows}, '
        f"contentPath: results['{result}'].data_uri}})\">"
        f'<img alt="" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(title)}</figcaption></a></figure>"
    )


def _small(png: Path) -> bytes:
    from matplotlib import image

    width = image.imread(png).shape[1]
    out = BytesIO()
    image.thumbnail(str(png), out, scale=min(1.0, WIDTH / width))
    return out.getvalue()

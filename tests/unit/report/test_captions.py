"""Captions that describe the whole run, for every configuration that comes with the workflow."""

import base64
import re
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import docutils.core
import jinja2
import matplotlib.pyplot as plt
import numpy as np
import pytest

from vipann.config import read_layer
from vipann.papers.vi_pann.notes import FLIP
from vipann.plan.report import captions
from vipann.plan.run import Run
from vipann.report.first_page import write_first_page

ROOT = Path(__file__).parents[3]
RUNS = ["config", "demo", "esc10", "laptop", "audioset_vggish", "published"]
# What a config stands on besides the paper's.
BASES = {"laptop": ["own"]}


def merged(below: dict, above: dict) -> dict:
    both = {
        k: merged(below[k], v) if isinstance(v, dict) and isinstance(below.get(k), dict) else v
        for k, v in above.items()
    }
    return below | both


def html(caption: str, run: str, **captioned: object) -> str:
    paper = read_layer(ROOT / "config/config.yaml")
    config = paper
    for name in (*BASES.get(run, ()), run):
        config = merged(config, read_layer(ROOT / f"config/{name}.yaml"))
    config["captions"] = captions(Run(ROOT, config, paper)) | captioned
    text = jinja2.Template(
        (ROOT / "workflow/report" / caption).read_text(), trim_blocks=True, lstrip_blocks=True
    ).render(
        snakemake=SimpleNamespace(config=config, wildcards={}),
        categories=[SimpleNamespace(name="Tables")],
    )
    if caption == "workflow.rst":
        text += "\n\n.. _Tables: #\n"
    settings = {"halt_level": 2, "report_level": 2}
    return docutils.core.publish_string(text, writer="html", settings_overrides=settings).decode()


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("caption", ["workflow.rst", "claims.rst"])
def test_a_caption_is_sound_and_speaks_of_what_the_run_has(caption, run):
    assert "None" not in html(caption, run)


def test_the_first_page_tells_the_laptops_flip_from_the_papers():
    assert FLIP.split(":")[0] in html("workflow.rst", "laptop")
    assert "mn04" in html("workflow.rst", "laptop")
    assert FLIP.split(":")[0] not in html("workflow.rst", "config")


def test_the_first_page_calls_datasets_and_strategies_by_their_names():
    text = html("workflow.rst", "demo")
    assert "Synthetic scenes" in text
    assert "Det-Flip" in text
    assert not {"synthetic_scenes", "det_flip"} & set(re.findall(r"\w+", text))


def test_the_first_page_takes_in_the_runs_figures_once_they_are_there(tmp_path):
    """What the index's job writes, small, each leading to the result of the report."""
    image = np.linspace(0, 1, 3 * 900 * 600).reshape(600, 900, 3)
    results = tmp_path / "results/mine"
    for path in ("figures/a.png", "curves/own/det.csv", "curves/own/flip.csv", "tables/t.csv"):
        (results / path).parent.mkdir(parents=True, exist_ok=True)
        (results / path).touch()
    plt.imsave(results / "figures/a.png", image)
    page = tmp_path / "first_page.html"
    assert "stages" not in html("workflow.rst", "esc10", first_page=page)
    write_first_page(results, [("Score <of> clips", ["figures/a.png", "figures/a.pdf"])], page)
    text = html("workflow.rst", "esc10", first_page=page)
    assert "Score &lt;of&gt; clips" in text
    assert "<b>2</b> trainings" in text
    assert "<b>1</b> table<" in text
    assert "prediction" not in text.partition("stages")[2].partition("</ol>")[0]
    assert "results['results/mine/figures/a.png'].data_uri" in text
    (data,) = re.findall(r"data:image/png;base64,([\w+/=]+)", text)
    assert plt.imread(BytesIO(base64.b64decode(data))).shape[:2] == (280, 420)

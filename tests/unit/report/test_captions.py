"""Captions that describe the whole run, for every configuration that comes with the workflow."""

from pathlib import Path
from types import SimpleNamespace

import docutils.core
import jinja2
import pytest

from vipann.config import read_layer
from vipann.papers.vi_pann import PAPER
from vipann.papers.vi_pann.notes import FLIP, notes_of

ROOT = Path(__file__).parents[3]
RUNS = ["config", "demo", "esc10", "laptop", "audioset_vggish", "published"]


def merged(below: dict, above: dict) -> dict:
    both = {
        k: merged(below[k], v) if isinstance(v, dict) and isinstance(below.get(k), dict) else v
        for k, v in above.items()
    }
    return below | both


def html(caption: str, run: str, **snakemake: object) -> str:
    config = merged(
        read_layer(ROOT / "config/config.yaml"), read_layer(ROOT / f"config/{run}.yaml")
    )
    config["captions"] = {"notes": notes_of(config), "papers": [PAPER]}
    text = jinja2.Template(
        (ROOT / "workflow/report" / caption).read_text(), trim_blocks=True, lstrip_blocks=True
    ).render(
        snakemake=SimpleNamespace(**{"config": config, "wildcards": {}, **snakemake}),
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

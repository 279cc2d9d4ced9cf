"""Tables, figures and notebooks that a run makes, as files of its papers declare them."""

import shutil
import subprocess
import sys
from pathlib import Path

import docutils.core
import pytest

import vipann.registry
from vipann.config import merge, read_layer
from vipann.plan import products as plan
from vipann.plan.products import products, random_orders
from vipann.plan.report import (
    captions,
    index_settings,
    notebook_inputs,
    notebook_settings,
    sections,
)
from vipann.plan.run import Run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run_of_config():
    paper = read_layer(ROOT / "config/config.yaml")
    return lambda name: Run(ROOT, merge(paper, read_layer(ROOT / f"config/{name}.yaml")), paper)


def numbers(run, kind):
    return [one.number for one in products(run, kind).values() if one.number]


def test_each_of_the_papers_tables_and_figures_is_made_once(run_of):
    run = run_of()
    assert sorted(numbers(run, "figure"), key=lambda text: int(text.split()[1])) == [
        f"Figure {number}" for number in range(1, 12)
    ]
    assert sorted(set(numbers(run, "table"))) == [f"Table {number}" for number in range(1, 6)]
    assert products(run, "figure")["phases_esc50"].number == "Figure 6"


def test_figures_of_other_datasets_are_said_to_be_like_the_papers(run_of_config):
    made = products(run_of_config("demo"), "figure")
    assert made["retention_synthetic_events"].number == "like Figure 1"
    assert made["boxplot_synthetic_scenes"].number == "like Figures 5, 8, 11"
    assert made["boxplot_synthetic_scenes"].label.startswith("Like Figures 5, 8, 11: ")
    assert made["reliability_synthetic_scenes"].category == "Supplementary"
    assert made["learning_curves"].category == "Training"


def test_what_a_run_lacks_is_not_made(run_of):
    lacking = run_of(upstream=None, ood=None, scratch={"strategies": []})
    made = products(lacking, "table")
    assert not made.keys() & {"table3", "table5", "ood", "shortcuts", "validation"}
    assert {"table1", "table2", "table4", "calibration", "claims", "per_class"} <= made.keys()
    assert "validation" in products(lacking, "table", on_request=True)
    assert "pretraining" not in products(lacking, "notebook")
    alone = run_of(transfer_datasets=[])
    assert not products(alone, "table").keys() & {"table2", "table4", "table5", "per_class"}
    assert [one.dataset for one in products(alone, "figure").values() if one.dataset] == [
        "audioset"
    ] * 3


def test_what_is_drawn_of_replications_reaches_what_draws_it(run_of):
    """And no box plot, which has no such interval."""
    before, after = (run_of(evaluation={"interval": kind}) for kind in ("percentile", "t"))

    def figure(run, kind):
        return products(run, "figure")[f"{kind}_audioset"]

    assert figure(before, "boxplot").settings == figure(after, "boxplot").settings
    assert figure(before, "retention").settings["about"]["interval"] == "percentile"
    assert figure(after, "retention").settings["about"]["interval"] == "t"
    assert "of the 20 replications" in " ".join(figure(before, "retention").caption().split())
    assert "mean over the 20 replications" in " ".join(figure(after, "retention").caption().split())


def test_random_orders_are_of_clips_with_several_labels_only(run_of):
    assert random_orders(run_of(), "audioset") >= 500
    assert random_orders(run_of(), "esc50") == 0


@pytest.mark.parametrize("name", ["config", "demo", "laptop", "audioset_vggish", "published"])
def test_captions_are_sound_and_speak_of_what_the_run_has(run_of_config, name):
    for caption in captions(run_of_config(name)).values():
        if isinstance(caption, str):
            settings = {"halt_level": 2, "report_level": 2}
            docutils.core.publish_string(caption, settings_overrides=settings)
            assert "None" not in caption
            assert "{" not in caption


def test_a_notebook_reads_what_the_run_makes_and_nothing_else(run_of):
    made = products(run_of(ood=None), "notebook")
    transferred = {f"transfer_{name}" for name in ("esc50", "urbansound8k", "dcase2013")}
    assert set(made) == {"claims", "pretraining"} | transferred
    read = notebook_inputs(made["transfer_esc50"])
    assert "results/paper/figures/phases_esc50.png" in read
    assert all("esc50" in path for path in read)
    parameters = notebook_settings(made["transfer_esc50"])["parameters"]
    assert parameters == {"results_dir": "..", "run": "paper", "dataset": "esc50"}


def test_the_index_has_its_sections_in_order(run_of):
    found = dict(index_settings(run_of())["sections"])
    assert list(found) == ["Tables", "Figures", "Claims", "Training", "Supplementary"]
    titles = [title for title, _ in found["Figures"]]
    assert titles[0] == "Figure 1: score by clips retained (AudioSet)"
    assert ["tables/table4.csv", "tables/table4.md", "tables/table4.tex"] in [
        files for _, files in found["Tables"]
    ]


def test_what_is_made_on_request_is_nothing_that_an_earlier_config_left(run_of):
    files = [f"tables/validation.{suffix}" for suffix in ("csv", "md", "tex")]
    assert index_settings(run_of())["facts"]["on_request"] == files


def test_declarations_have_known_keys_only(run_of):
    known = {"label", "number", "numbers", "category", "needs", "of", "only_with", "on_request"}
    known |= {"about", "caption", "headline", "made_by", "parameters"}
    for kind in ("table", "figure", "notebook"):
        for one in products(run_of(), kind, on_request=True).values():
            assert not one.declared.keys() - known


def test_planning_needs_no_library_of_the_jobs(run_of):
    code = (
        "import sys; from pathlib import Path; from vipann.plan.report import index_settings;"
        "from vipann.config import read_layer; from vipann.plan.run import Run;"
        f"c = read_layer(Path({str(ROOT / 'config/config.yaml')!r}));"
        f"index_settings(Run(Path({str(ROOT)!r}), c, c));"
        "sys.exit(bool({'torch', 'pandas', 'matplotlib', 'seaborn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TABLE = """
TABLE = {
    "number": "3",
    "label": "poolings",
    "needs": {"metrics": "metrics/{tested}.metrics.parquet"},
}


def table(sources):
    return 1
"""


@pytest.fixture
def second_paper(tmp_path, monkeypatch):
    """A source tree in which another paper has a Table 3 too."""
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    folder = source / "vipann/papers/other"
    (folder / "tables").mkdir(parents=True)
    (folder / "figures").mkdir()
    (folder / "__init__.py").write_text('PAPER = {"short": "Other", "prefix": "other_"}\n')
    (folder / "tables/__init__.py").touch()
    (folder / "tables/table3.py").write_text(TABLE)
    monkeypatch.setattr(vipann.registry, "_SOURCE", source)
    for cached in (plan.about_paper, plan._declarations):
        cached.cache_clear()
    yield folder
    for cached in (plan.about_paper, plan._declarations):
        cached.cache_clear()


@pytest.mark.parametrize("name", ["demo", "laptop", "psla_embeddings"])
def test_the_reports_categories_can_be_linked_to(run_of_config, name):
    """As Snakemake does it: a target for each, named as it is."""
    for category in dict(sections(run_of_config(name))):
        text = f"`{category}`_\n\n.. _{category}: javascript:show()\n"
        docutils.core.publish_string(text, settings_overrides={"halt_level": 2, "report_level": 2})


def test_one_file_adds_a_table_and_a_second_papers_table_3_fits_beside_the_firsts(
    second_paper, run_of
):
    run = run_of(papers=["vi_pann", "other"])
    made = products(run, "table")
    first, second = made["table3"], made["other_table3"]
    assert not set(first.files) & set(second.files)
    assert (first.category, second.category) == ("VI-PANN – Tables", "Other – Tables")
    assert second.label == "Table 3: poolings"
    assert "Other – Tables" in dict(sections(run))
    (second_paper / "tables/table4.py").write_text(TABLE.replace('"3"', '"4"'))
    plan._declarations.cache_clear()
    assert "other_table4" in products(run, "table")
    assert list(products(run_of(papers=["other"]), "table")) == ["other_table3", "other_table4"]

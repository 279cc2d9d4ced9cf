"""PSLA's tables and figures of a small real computation (`computed`)."""

import importlib
import math
from pathlib import Path

import computed
import numpy as np
import pandas as pd
import pytest

from vipann.config import merge, read_layer
from vipann.evaluation.variant_results import members_of, read_results
from vipann.figures.style import save, style_from
from vipann.papers.psla.figures import figure8
from vipann.papers.psla.sampler import expected_counts, expected_unseen
from vipann.papers.psla.tables import table7, table8, table9, table11
from vipann.plan.products import products
from vipann.plan.report import metric_files
from vipann.plan.run import Run
from vipann.registry import choices, load
from vipann.tables.layout import write_table
from vipann.training.sampling import balanced, balancing

ROOT = Path(__file__).parents[4]
PAPER = "vipann.papers.psla"
BLOCKS = {
    "variants": {"psla": {}, "enhanced": {"pretrain": {"label_set": "mean"}}},
    "averages": {},
    "ensembles": computed.ENSEMBLES,
}
ABOUT = {"names": {"own": "AudioSet balanced"}, "upstream": "own", **BLOCKS}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("computed")
    found = computed.written(folder)
    manifest = pd.read_parquet(found["manifests"][0])
    added = [list({*labels, "Music"}) for labels in manifest["labels"]]
    manifest.assign(labels=added)[["clip_id", "labels"]].to_parquet(folder / "mean.parquet")
    return {**found, "label_sets": [str(folder / "mean.parquet")]}


@pytest.fixture(scope="module")
def results(sources):
    return read_results(sources)


def declared_about(module, kind):
    return {key: ABOUT[key] for key in getattr(module, kind).get("about", ())}


@pytest.mark.parametrize("name", [n for n in choices(f"{PAPER}.tables") if n != "claims"])
def test_each_table_is_written(name, sources, tmp_path):
    module = load(f"{PAPER}.tables.{name}")
    table = module.table(sources, **declared_about(module, "TABLE"))
    write_table(table, *(tmp_path / f"t.{suffix}" for suffix in ("csv", "md", "tex")))
    assert len(table.frame)
    assert len(table.cells)
    assert table.title in (tmp_path / "t.md").read_text()
    foreign = {**ABOUT, "names": {"own": None}}
    module.table(sources, **{key: foreign[key] for key in declared_about(module, "TABLE")})


@pytest.mark.parametrize("name", choices(f"{PAPER}.figures"))
def test_each_figure_is_drawn_with_and_without_results(name, sources, tmp_path):
    module, style = load(f"{PAPER}.figures.{name}"), style_from()
    about = declared_about(module, "FIGURE")
    nothing = {key: paths for key, paths in sources.items() if key == "manifests"}
    for of in (sources, nothing):
        with style.applied():
            drawn, points = module.figure(of, style, **about)
            save(drawn, points, {s: tmp_path / f"f.{s}" for s in ("png", "pdf", "svg", "csv")}, 50)
        if of is sources and name != "figure3":  # no network of other amounts of clips
            assert len(points)


def test_a_score_stands_beside_the_print_of_its_training_set(sources):
    module = load(f"{PAPER}.tables.table4")
    frame = module.table(sources, ABOUT["names"], "own").frame.set_index("row")
    variants = pd.read_parquet(sources["variants"][0])
    chosen = (variants["variant"] == "masking") & (variants["metric"] == "mAP")
    assert frame.loc["+ Masking", "ours"] == pytest.approx(variants[chosen]["value"].mean())
    assert frame.loc["+ Masking", "standard_deviation"] == pytest.approx(
        variants[chosen]["value"].std()
    )
    assert frame.loc["+ Masking", "paper"] == 0.2818
    # The print is not of these features: beside ours, and without a difference.
    other = module.table(sources, {"own": "AudioSet balanced, embeddings"}, "own")
    assert other.frame.set_index("row").loc["+ Masking", "paper"] == 0.2818
    assert other.frame["difference"].isna().all()
    assert any("VGGish" in note for note in other.notes)
    foreign = module.table(sources, {"own": None}, "own").frame
    assert foreign["paper"].isna().all()


def test_table_7_is_pearsons_correlation_over_classes(sources, results):
    found = table7.correlations(results)
    classes = pd.read_parquet(sources["per_class"][0])
    for seed in computed.SEEDS:
        own = classes[classes["name"] == f"psla/{seed}"]
        expected = np.corrcoef(own["AP"], own["train_clips"])[0, 1]
        assert found[f"psla/{seed}"] == pytest.approx(expected)


def test_members_of_ensembles_are_networks_or_epochs(results):
    found = {name: members_of(results, block) for name, block in computed.ENSEMBLES.items()}
    assert list(found["seeds"].index) == ["psla/1", "psla/2", "psla/3"]
    assert [len(found[name]) for name in ("checkpoints", "from_3", "from_5")] == [6, 4, 2]
    frame = table11.committees(results, computed.ENSEMBLES)
    wide = frame.pivot(index="row", columns="metric", values="ours")
    assert wide.loc["Seeds", "Best mAP"] == found["seeds"].max()
    assert wide.loc["from_3", "# Models"] == 4


def test_figure_8_finds_where_each_average_starts(results):
    averages = {
        "late": {"of": "psla/*", "epochs": {"first": 4}},
        "elsewhere": {"of": "plain/*", "epochs": "all"},
    }
    points = figure8.starts(results, averages, computed.ENSEMBLES)
    predicted = points[points["what"] == figure8.PREDICTIONS]
    assert list(predicted["epoch"]) == [1, 3, 5]
    assert list(predicted["mAP"]) == [
        results.by_seed(name).iloc[0] for name in ("checkpoints", "from_3", "from_5")
    ]
    assert len(points[points["what"] == figure8.SINGLE_LINE]) == computed.EPOCHS
    assert figure8.bounds({"last": 5}, 1, 30) == (26, 30)
    assert figure8.bounds("all", 11, 30) == (11, 30)


def test_labels_added_and_classes_that_got_them_are_counted(sources):
    frame = table9.table(sources, ABOUT["names"], "own", BLOCKS["variants"]).frame
    labels = computed.clips()[1][:300]
    share = (~labels[:, 0]).sum() / labels.sum()
    added = frame[(frame["row"] == "LE, Mean") & (frame["metric"] == "Label Added")]
    # `enhanced` is not scored in this run: then nothing is said of it.
    assert added["ours"].isna().all() or added["ours"].iloc[0] == pytest.approx(share)
    assert table8.added_labels(sources)["mean"].share == pytest.approx(share)
    assert table8.added_labels(sources)["mean"].classes == {"Music"}


def test_the_arithmetic_of_the_sampler_agrees_with_its_draws():
    labels = computed.clips()[1][:300].astype(np.uint8)
    chances, rng = balancing(labels), np.random.default_rng(3)
    counts, unseen, half = [], [], []
    for _ in range(300):
        draws = np.concatenate([balanced(300, rng, chances) for _ in range(4)])
        counts.append(labels[draws].sum(axis=0))
        unseen.append(1 - len(np.unique(draws)) / 300)
        partners = rng.integers(300, size=len(draws))[rng.random(len(draws)) < 0.5]
        half.append(1 - len(np.unique([*draws, *partners])) / 300)
    expected = expected_counts(labels, chances, 4)
    assert np.allclose(np.mean(counts, axis=0), expected, rtol=0.02)
    for rate, found in ((0.0, unseen), (0.5, half)):
        error = 4 * np.std(found) / math.sqrt(len(found))
        assert expected_unseen(chances, [4], rate)[0] == pytest.approx(np.mean(found), abs=error)


def run_of(**changes):
    paper = read_layer(ROOT / "config/config.yaml")
    return Run(ROOT, merge(paper, {"papers": ["psla"], **changes}), paper)


def test_what_a_run_is_about_decides_which_tables_it_has():
    assert not products(run_of(), "table")
    assert not products(run_of(), "figure")
    some = {"variants": {"plain": {}, "masking": {}}, "seeds": [1, 2]}
    tables = products(run_of(**some), "table")
    assert list(tables)[:3] == ["psla_table4", "psla_table7", "psla_table15"]
    assert {"psla_claims", "psla_uncertainty"} <= tables.keys()
    assert "psla_table14" not in tables
    assert "psla_table11" not in tables
    assert tables["psla_table4"].label == "Table \u20074: sampling and augmentation"
    assert tables["psla_claims"].sources["manifests"] == [
        "results/paper/manifests/audioset.parquet"
    ]
    assert metric_files(run_of(**some), ["audioset"]) == []
    assert len(metric_files(run_of(papers=["vi_pann"]), ["audioset", "esc50"])) == 6
    more = {**some, "ensembles": {"checkpoints": {"members": ["plain/*"]}}}
    fsd = {"datasets": {"audioset": {"paper_name": "FSD50K"}}}
    assert {"psla_table11", "psla_table12"} <= products(run_of(**more), "table").keys()
    on_fsd = products(run_of(**more, **fsd), "table")
    assert "psla_table14" in on_fsd
    assert "psla_table12" not in on_fsd


def test_every_number_of_a_table_is_declared_once():
    for kind in ("tables", "figures"):
        modules = [
            importlib.import_module(f"{PAPER}.{kind}.{n}") for n in choices(f"{PAPER}.{kind}")
        ]
        literals = [getattr(m, kind[:-1].upper()) for m in modules]
        numbers = sorted(int(one["number"]) for one in literals if "number" in one)
        assert numbers == list(range(2, 16) if kind == "tables" else range(3, 10))

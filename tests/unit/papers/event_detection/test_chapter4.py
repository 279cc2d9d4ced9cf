"""Chapter 4 of the thesis on event detection: its print, tables, figure and claims."""

import csv
import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pooled_scores
import pytest
from scipy import stats
from sklearn.metrics import precision_recall_fscore_support

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.claims.ledger import ledger
from vipann.claims.writing import write_claims
from vipann.config import merge, read_layer
from vipann.figures.style import save, style_from
from vipann.papers.event_detection.claims import PAPER, chapter4, read_views
from vipann.papers.event_detection.names import ALL_POOLINGS, POOLINGS, POOLINGS_SEEDS
from vipann.papers.event_detection.printed import paper_value, printed_value
from vipann.papers.event_detection.subset import CLASSES, METRICS, tagged, with_subset
from vipann.papers.event_detection.tables import poolings, table4_2, table4_3
from vipann.plan.products import products
from vipann.plan.run import Run
from vipann.registry import choices, load
from vipann.tables.layout import write_table

ROOT = Path(__file__).parents[4]
HOME = "vipann.papers.event_detection"
EMBEDDINGS, FULL = "AudioSet balanced, embeddings", "AudioSet"
CHAPTER = ("4.1", "4.2", "4.3")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return pooled_scores.written(tmp_path_factory.mktemp("pooled"))


def views_of(sources, paper_name=EMBEDDINGS):
    about = {"own": {"paper_name": paper_name, "training_folds": 0}}
    named = {"variants": {}, "averages": {}, "ensembles": {}, "label_sets": {}}
    return read_views(sources, {"upstream": "own", "datasets": about, "named": named})


def test_precision_recall_and_f1_of_print_go_together_but_for_talnets_rows():
    odd = []
    for row in (*table4_2.EARLIER, *POOLINGS):
        precision, recall, f1 = (printed_value("4.2", row, c) for c in table4_2.COLUMNS.values())
        if abs(2 * precision * recall / (precision + recall) - f1) > 0.001:
            odd.append(row)
    assert odd == list(POOLINGS)
    # It says "20.5 % absolute improvement" over the baseline.
    gain = printed_value("4.2", "MIL-DNN-Embed", "F1") - printed_value("4.2", "Baseline", "F1")
    assert gain == pytest.approx(0.205)


def test_d_prime_of_print_is_that_of_its_auc():
    for row in (*table4_3.OTHERS, *POOLINGS):
        area, found = (printed_value("4.3", row, column) for column in ("AUC", "d-prime"))
        bounds = np.sqrt(2) * stats.norm.ppf([area - 5e-4, area + 5e-4])
        assert bounds[0] - 0.006 <= found <= bounds[1] + 0.006, row


def test_the_subset_is_that_of_table_4_1_and_of_audiosets_classes(mirror):
    counts = [printed_value("4.1", row, "Samp #") for row in CLASSES]
    assert len(counts) == 17
    assert max(counts) / min(counts) == pytest.approx(94, abs=0.5)  # "1:94"
    assert sum(counts) >= printed_value("4.1", "All", "Samp #")
    with (mirror / "audioset-sample/class_labels_indices.csv").open() as stream:
        known = {line["display_name"] for line in csv.DictReader(stream)}
    assert set(CLASSES.values()) <= known


def test_tagging_is_counted_with_thresholds_of_the_train_list():
    """Against a search through all thresholds and scikit-learn's micro averages."""
    heard, learnt = (pooled_scores.predictions(split, "mean", 1) for split in ("eval", "train"))
    classes = list(CLASSES.values())
    columns = [heard.classes.index(name) for name in classes]
    own, chosen = learnt.labels[:, columns], []
    there = own.any(axis=1)
    for place, column in enumerate(columns):
        truth, p = own[there, place], learnt.mean_probability[0, there, column]
        f1 = [2 * (truth * (p >= t)).sum() / (truth.sum() + (p >= t).sum()) for t in p]
        chosen.append(max(p[np.isclose(f1, max(f1))]))
    clips = heard.labels[:, columns].any(axis=1)
    assert 0 < clips.sum() < len(clips)
    said = heard.mean_probability[0, clips][:, columns] >= chosen
    expected = precision_recall_fscore_support(
        heard.labels[clips][:, columns], said, average="micro"
    )
    found = tagged(heard, learnt, classes)
    assert list(found) == list(METRICS)
    np.testing.assert_allclose(list(found.values()), expected[:3])


def test_scores_of_the_subset_are_added_to_those_of_the_run(sources):
    results = with_subset(sources)
    values = results.by_seed("maximum", "F1")
    assert list(values.index) == [1, 2, 3]
    pair = [pooled_scores.predictions(split, "maximum", 2) for split in ("eval", "train")]
    assert values[2] == pytest.approx(tagged(*pair, list(CLASSES.values()))["F1"])
    bare = with_subset({"variants": sources["variants"]})
    assert bare.by_seed("maximum", "F1").empty
    assert len(bare.by_seed("maximum", "mAP")) == 3


@pytest.mark.parametrize("module", [table4_2, table4_3, poolings], ids=lambda m: m.__name__[-8:])
def test_each_table_is_written(module, sources, tmp_path):
    about = {"names": {"own": EMBEDDINGS}, "upstream": "own"}
    about = {key: about[key] for key in module.TABLE.get("about", ())}
    table = module.table(sources, **about)
    write_table(table, *(tmp_path / f"t.{suffix}" for suffix in ("csv", "md", "tex")))
    text = (tmp_path / "t.md").read_text()
    assert all(row in text for row in POOLINGS)
    assert table.title in text


def test_the_print_stands_beside_ours_with_a_difference_on_the_full_set_only(sources):
    variants = pd.read_parquet(sources["variants"][0])
    own = variants[(variants["variant"] == "exp_softmax") & (variants["metric"] == "mAP")]["value"]
    for paper_name, is_comparable in ((EMBEDDINGS, False), (FULL, True), (None, False)):
        frame = table4_3.table(sources, {"own": paper_name}, "own").frame
        row = frame[(frame["row"] == "Exp. Softmax") & (frame["metric"] == "mAP")].iloc[0]
        assert row["ours"] == pytest.approx(own.mean())
        assert row["standard_deviation"] == pytest.approx(own.std())
        assert row["paper"] == 0.362
        assert frame["difference"].notna().any() == is_comparable
    assert set(frame["row"]) >= {*table4_3.OTHERS, *POOLINGS_SEEDS, "All networks"}
    tagging = table4_2.table(sources, {"own": FULL}, "own").frame
    assert tagging["difference"].isna().all()  # other clips
    row = tagging[(tagging["row"] == "Max Pooling") & (tagging["metric"] == "recall")].iloc[0]
    assert row["paper"] == 0.322
    assert row["seeds"] == 3


def test_single_networks_have_no_retention_by_epistemic_uncertainty(sources):
    frame = poolings.table(sources).frame
    rows = set(frame.loc[frame["metric"] == "retention_area_epistemic", "row"])
    assert not rows & set(POOLINGS)
    assert {"ece", "brier", "nll"} <= set(frame["metric"])


def test_the_figure_shows_every_network_and_ensemble(sources, tmp_path):
    module, style = load(f"{HOME}.figures.poolings"), style_from()
    files = {suffix: tmp_path / f"f.{suffix}" for suffix in ("png", "pdf", "svg", "csv")}
    for of, rows in ((sources, 5 * 4 * (3 + 1 + 1)), ({}, 0)):
        with style.applied():
            drawn, points = module.figure(of, style)
            save(drawn, points, files, 50)
        assert len(points) == rows
        assert files["png"].stat().st_size > 0


@pytest.fixture(scope="module")
def rows(sources):
    return ledger(PAPER, views_of(sources)).set_index("claim")


def test_each_claim_is_judged_by_its_numbers_or_says_why_not(sources, rows):
    results = with_subset(sources)
    by = {name: results.by_seed(name) for name in POOLINGS.values()}
    test = stats.ttest_rel(by["mean"], by["maximum"], alternative="greater")
    row = rows.loc["average_above_max"]
    assert row["verdict"] == (
        HOLDS if test.pvalue < 0.05 else FAILS if test.pvalue > 0.95 else UNJUDGED
    )
    ensemble = results.by_seed(ALL_POOLINGS).iloc[0]
    best = max(results.by_seed(name).iloc[0] for name in POOLINGS_SEEDS.values())
    expected = HOLDS if ensemble > best else FAILS
    assert rows.loc["late_fusion_helps", "verdict"] == expected
    assert "3 seeds" in rows.loc["four_above_max_in_f1", "test"]
    assert rows.loc["linear_softmax_alone_localises", "verdict"] == UNJUDGED
    assert "labels in time" in rows.loc["linear_softmax_alone_localises", "numbers"]
    assert rows.loc["dnn_ten_times_smaller", "verdict"] == UNJUDGED


def test_by_its_own_print_the_chapters_sentences_hold(rows):
    own = rows["section"].str.startswith("4")
    judged = rows[own & (rows["printed_verdict"] != "")]
    assert set(judged["printed_verdict"]) == {HOLDS}
    assert judged.loc["four_above_max_in_map", "printed_numbers"].startswith(
        "Average Pooling over max: 0.3510 to 0.3610"
    )
    assert "9.3 times" in judged.loc["dnn_ten_times_smaller", "printed_numbers"]


def test_a_run_without_poolings_has_a_ledger_too(sources, tmp_path):
    without = ledger(PAPER, read_views({}, {"upstream": None}))
    assert set(without["verdict"]) == {UNJUDGED}
    outputs = [tmp_path / f"claims.{suffix}" for suffix in ("csv", "md", "tex")]
    write_claims(PAPER, views_of(sources), outputs)
    assert "linear softmax" in outputs[1].read_text()


def run_of(**changes):
    paper = read_layer(ROOT / "config/config.yaml")
    return Run(ROOT, merge(paper, {"papers": ["event_detection"], **changes}), paper)


def test_what_a_run_is_about_decides_which_tables_it_has():
    bare = products(run_of(), "table")
    assert not {stem for stem in bare if "_table4_" in stem}
    named = {"variants": {"maximum": {}, "mean": {}, "other": {}}, "seeds": [1, 2]}
    tables = products(run_of(**named), "table")
    own = [stem for stem in tables if "_table4_" in stem]
    assert own == ["event_detection_table4_2", "event_detection_table4_3"]
    first = tables[own[0]]
    assert first.label == "Table 4.2: tagging of the classes of DCASE 2017"
    assert first.sources["predictions"] == [
        f"results/paper/predictions/audioset/variants/{variant}/seed{seed}.h5"
        for variant in ("maximum", "mean")
        for seed in (1, 2)
    ]
    assert first.sources["train_predictions"] == [
        f"results/paper/predictions/audioset/train/{variant}/seed{seed}.h5"
        for variant in ("maximum", "mean")
        for seed in (1, 2)
    ]
    claims = tables["event_detection_claims"]
    assert claims.sources["predictions"] == first.sources["predictions"]


def test_variants_that_tables_ask_for_are_the_named_ones():
    tables = [importlib.import_module(f"{HOME}.tables.{n}").TABLE for n in ("table4_2", "claims")]
    assert all(one["networks_of"] == list(POOLINGS.values()) for one in tables)
    assert set(POOLINGS.values()) <= set(choices("vipann.models.pooling"))
    config = read_layer(ROOT / "config/pooling.yaml")
    assert list(config["variants"]) == list(POOLINGS.values())
    assert list(config["ensembles"]) == [*POOLINGS_SEEDS.values(), ALL_POOLINGS]
    assert set(chapter4.ROWS) == {*POOLINGS.values(), ALL_POOLINGS}
    assert paper_value("4.3", "Attention", "mAP") == 0.354

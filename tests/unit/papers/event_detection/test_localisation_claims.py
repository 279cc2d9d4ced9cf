"""Events in time as the paper's table and claims show them: planted poolings, scored for real."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.claims.ledger import ledger
from vipann.evaluation.localisation import Scoring, write_localisation
from vipann.evaluation.variant_metrics import Scored
from vipann.papers.event_detection.claims import PAPER, read_views
from vipann.papers.event_detection.claims.localisation import JUDGES
from vipann.papers.event_detection.names import POOLINGS
from vipann.papers.event_detection.tables import localisation as module

SEEDS, CLIPS, NAMES = (1, 2, 3), 30, ("bell", "rain")
COLUMNS = ["clip_id", "class", "onset_s", "offset_s"]
# How a pooling cuts an event of 3 to 6 s, how often it misses it, and hears one where none is.
CUT = {
    "maximum": ((4.0, 4.9), 0.6, 0.0),
    "mean": ((0.0, 10.0), 0.05, 0.9),
    "linear_softmax": ((3.0, 6.0), 0.05, 0.05),
    "exp_softmax": ((1.0, 8.0), 0.05, 0.4),
    "softmax_attention": ((2.0, 7.0), 0.05, 0.6),
}


def events_of(pooling, seed):
    """Events of class bell in every clip, and of rain where none is."""
    rng, ((first, last), missed, extra) = np.random.default_rng([seed, len(pooling)]), CUT[pooling]
    rows = [(f"c{i}", "bell", first, last) for i in range(CLIPS) if rng.random() > missed]
    rows += [(f"c{i}", "rain", 0.0, 5.0) for i in range(CLIPS) if rng.random() < extra]
    return pd.DataFrame(rows, columns=COLUMNS)


def written(folder, poolings):
    """The run's localisation file of these poolings."""
    folder.mkdir()
    clips = [f"c{i}" for i in range(CLIPS)]
    truth = pd.DataFrame([(c, "bell", 3.0, 6.0) for c in clips], columns=COLUMNS)
    truth.to_csv(folder / "strong.csv", index=False)
    with h5py.File(folder / "features.h5", "w") as file:
        plant_features(file, clips)
    found = []
    for pooling in poolings:
        for seed in SEEDS:
            path = folder / f"{pooling}{seed}.csv"
            events_of(pooling, seed).to_csv(path, index=False)
            found.append((Scored("network", f"{pooling}/{seed}", pooling, seed, None), path))
    out = folder / "localisation.parquet"
    labels, features = folder / "strong.csv", folder / "features.h5"
    write_localisation(found, labels, features, Scoring(1.0, 0.2), out)
    return {"localisation": [str(out)]}


def plant_features(file, clips):
    """A features file of an evaluation list."""
    text = h5py.string_dtype()
    blank = np.zeros((len(clips), 2, 2), np.float16)
    file.create_dataset("logmel", data=blank, chunks=(1, 2, 2))
    file["labels"] = np.tile(np.array([1, 0], np.uint8), (len(clips), 1))
    file["fold"] = np.zeros(len(clips), np.int16)
    for name, values in (("clip_id", clips), ("recording", clips), ("split", ["eval"] * CLIPS)):
        file.create_dataset(name, data=values, dtype=text)
    file.attrs.update(features="{}", clip_seconds=10.0, padding="zero", task="multilabel")
    file.attrs.update(classes=json.dumps(NAMES), manifest_sha256="0")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return written(tmp_path_factory.mktemp("planted") / "all", CUT)


def views_of(sources):
    about = {"own": {"paper_name": None, "training_folds": 0}}
    named = {"variants": {}, "averages": {}, "ensembles": {}, "label_sets": {}}
    return read_views(sources, {"upstream": "own", "datasets": about, "named": named})


def judged(sources):
    rows = ledger(PAPER, views_of(sources)).set_index("claim")
    return rows.loc[list(JUDGES)]


BLOCK = {"high": 0.5, "low": 0.4, "median_filter_s": 0.0, "merge_gap_s": 0.0}
BLOCK |= {"min_duration_s": 0.0, "segment_s": 1.0, "collar_s": 0.2}


def test_the_table_has_a_row_a_pooling_and_the_print_for_orientation(sources):
    made = module.table(sources, BLOCK)
    assert made.cells.index.tolist() == list(POOLINGS)
    frame = made.frame.set_index(["row", "metric"])
    assert frame["difference"].isna().all()
    assert frame.loc[("Linear Softmax", "segment_error_rate"), "paper"] == 0.789
    assert frame["paper"].notna().sum() == 2 * len(POOLINGS)
    # Max pooling finds 1 of 3 segments of each event, those of the clips in which it hears one.
    recall = [len(events_of("maximum", seed)) / (3 * CLIPS) for seed in SEEDS]
    row = frame.loc[("Max Pooling", "segment_recall")]
    assert row["ours"] == pytest.approx(np.mean(recall))
    assert row["standard_deviation"] == pytest.approx(np.std(recall, ddof=1))
    assert made.cells.loc["Max Pooling", ("As printed", "F1")] == "0.422"


def test_other_networks_have_rows_without_print(tmp_path, monkeypatch):
    monkeypatch.setitem(CUT, "wide", ((3.0, 6.0), 0.0, 0.0))
    made = module.table(written(tmp_path / "wide", ["wide"]), BLOCK)
    assert made.cells.index.tolist() == ["wide"]
    assert made.frame["paper"].isna().all()
    assert not any("printed" in group for group, _ in made.cells.columns)
    assert not [note for note in made.notes if "TALNet" in note]


def test_claims_hold_where_poolings_behave_as_the_thesis_says(sources):
    rows = judged(sources)
    assert set(rows["verdict"]) == {HOLDS}
    assert (rows["dataset"] == "own").all()
    assert "error rate, Average Pooling over Linear Softmax" in rows["numbers"].str.cat()


def test_claims_fail_where_they_behave_the_other_way_round(tmp_path, monkeypatch):
    swapped = [("maximum", "mean"), ("linear_softmax", "exp_softmax")]
    old = dict(CUT)
    for one, other in swapped:
        monkeypatch.setitem(CUT, one, old[other])
        monkeypatch.setitem(CUT, other, old[one])
    rows = judged(written(tmp_path / "swapped", CUT))
    assert rows.loc["max_misses_frames", "verdict"] == FAILS
    assert rows.loc["average_has_false_positives", "verdict"] == FAILS
    assert rows.loc["linear_softmax_alone_localises", "verdict"] != HOLDS


def test_what_a_run_lacks_cannot_be_judged(tmp_path):
    rows = judged({})
    assert set(rows["verdict"]) == {UNJUDGED}
    assert rows["numbers"].str.contains("labels in time").all()
    rows = judged(written(tmp_path / "two", ["maximum", "linear_softmax"]))
    assert rows.loc["linear_softmax_alone_localises", "verdict"] == UNJUDGED
    assert "has no mean" in rows.loc["average_has_false_positives", "numbers"]


def test_by_print_linear_softmax_alone_localises(sources):
    printed = judged(sources)[["printed_verdict", "printed_numbers"]]
    assert printed.loc["linear_softmax_alone_localises", "printed_verdict"] == HOLDS
    assert printed.loc["four_above_max_in_time", "printed_verdict"] == HOLDS
    assert "0.4220 to 0.4540" in printed.loc["linear_softmax_alone_localises", "printed_numbers"]
    others = ["max_misses_frames", "attention_inconsistent_in_time"]
    assert set(printed.loc[others, "printed_verdict"]) == {UNJUDGED}

"""Label enhancement against Algorithm 2 written as its loops, and label sets as files."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dummies import random_predictions

from vipann.datasets.label_sets import COUNTS, import_label_set, read_label_set
from vipann.datasets.manifest import COLUMNS, ClipTable
from vipann.datasets.ontology import read_ontology
from vipann.errors import UserError
from vipann.evaluation.label_enhancement import additions, enhance, thresholds
from vipann.evaluation.predictions import write_predictions
from vipann.evaluation.variant_metrics import scored_against

CLASSES = ["Animal", "Dog", "Bark", "Cat", "Noise"]
KINDS = {"Animal": ["Dog", "Cat"], "Dog": ["Bark"], "Noise": ["Bark"]}
CLIPS = 40


def algorithm_2(labels, scores, threshold, types, ancestors):
    """As printed, in plain Python: lists of class names in, lists of class names out."""
    limit = {}
    for k, name in enumerate(CLASSES):
        own = sorted(scores[i][k] for i in range(len(labels)) if name in labels[i])
        if own and threshold == "mean":
            limit[name] = sum(own) / len(own)
        elif own:
            place = (len(own) - 1) * threshold / 100
            low = int(place)
            high = min(low + 1, len(own) - 1)
            limit[name] = own[low] + (place - low) * (own[high] - own[low])

    def parents(name):
        direct = [parent for parent, kinds in KINDS.items() if name in kinds]
        if ancestors == "all":
            direct = direct + [far for parent in direct for far in parents(parent)]
        return direct

    enhanced = []
    for i, own in enumerate(labels):
        new = set(own)
        for k in own:
            near = KINDS.get(k, []) * ("child" in types) + parents(k) * ("parent" in types)
            for name in near:
                if name in limit and scores[i][CLASSES.index(name)] > limit[name]:
                    new.add(name)
        enhanced.append(new)
    return enhanced


@pytest.fixture
def ontology(tmp_path):
    entries = [
        {"id": f"/m/{n}", "name": n, "child_ids": [f"/m/{k}" for k in KINDS.get(n, [])]}
        for n in CLASSES
    ]
    (tmp_path / "ontology.json").write_text(json.dumps(entries))
    return read_ontology(tmp_path / "ontology.json")


def manifest_of(labels, splits):
    frame = pd.DataFrame({"clip_id": [f"clip{n:011d}" for n in range(len(labels))]})
    frame["labels"], frame["split"], frame["fold"] = list(labels), splits, 0
    for name in COLUMNS:
        frame[name] = frame.get(name, "")
    return ClipTable(frame, CLASSES)


@pytest.fixture
def manifest():
    rng = np.random.default_rng(5)
    # Noise is on one clip, Cat on none.
    labels = [[n for n in CLASSES[:3] if rng.random() < 0.4] for _ in range(CLIPS)]
    labels[3].append("Noise")
    return manifest_of(labels, ["train"] * (CLIPS - 4) + ["eval"] * 4)


def predictions_of(manifest, scores, rows, classes=CLASSES):
    shape = dict(zip(("replications", "clips", "classes"), scores.shape, strict=True))
    clip_id = manifest.frame["clip_id"].to_numpy(dtype=str)[rows]
    known = {"mean_probability": scores.astype(np.float32), "clip_id": clip_id}
    known |= {"recording": clip_id, "classes": tuple(classes)}
    return replace(random_predictions(task="multilabel", **shape), **known)


@pytest.fixture
def teacher(manifest, tmp_path):
    """A file of the train list, its rows and its mean scores (N, C), to five levels so that some
    equal a threshold; one clip was not scored."""
    rng = np.random.default_rng(6)
    rows = [n for n in range(CLIPS - 4) if n != 7][::-1]
    scores = rng.integers(0, 5, (len(rows), len(CLASSES))) / 8
    path = tmp_path / "teacher.h5"
    replications = np.stack([scores, scores + 0.5, scores + 0.25, scores + 0.25])
    write_predictions(predictions_of(manifest, replications, rows), path)
    return path, rows, scores + 0.25


def enhanced_of(manifest, teacher, ontology, tmp_path, **settings):
    given = {"threshold": "mean", "types": ["child", "parent"], "ancestors": "parent"}
    files = {"out": tmp_path / "set.parquet", "counts_out": tmp_path / "set.csv"}
    enhance(
        teacher, manifest, "train", ontology, {}, about="a teacher", **given | settings, **files
    )
    return read_label_set(files["out"]), pd.read_csv(files["counts_out"], keep_default_na=False)


@pytest.mark.parametrize("threshold", ["mean", 25, 10, 5])
@pytest.mark.parametrize("types", [["child"], ["parent"], ["child", "parent"]])
@pytest.mark.parametrize("ancestors", ["parent", "all"])
def test_algorithm_2(manifest, teacher, ontology, tmp_path, threshold, types, ancestors):
    path, rows, scores = teacher
    before = manifest.frame["labels"].tolist()
    wanted = algorithm_2([before[n] for n in rows], scores, threshold, types, ancestors)
    found, counts = enhanced_of(
        manifest, path, ontology, tmp_path, threshold=threshold, types=types, ancestors=ancestors
    )
    clip_ids = manifest.frame["clip_id"].tolist()
    assert list(found.by_clip) == clip_ids
    assert found.about == "a teacher"
    for row, own in zip(rows, wanted, strict=True):
        assert set(found.by_clip[clip_ids[row]]) == own
    # One that was not scored, and those of the other list, keep what they have.
    for row in (7, *range(CLIPS - 4, CLIPS)):
        assert found.by_clip[clip_ids[row]] == before[row]
    added = [new - set(before[n]) for n, new in zip(rows, wanted, strict=True)]
    assert counts["added"].tolist() == [sum(name in new for new in added) for name in CLASSES]
    assert counts["clips"].tolist() == [sum(name in before[n] for n in rows) for name in CLASSES]
    assert not counts["removed"].any()
    assert (counts["as_child"] + counts["as_parent"] >= counts["added"]).all()
    dog = [row for row, new in zip(rows, added, strict=True) if "Dog" in new]
    reasons = {"Animal": "child", "Bark": "parent"}
    by = {n: sum(n in before[row] for row in dog) for n, kind in reasons.items() if kind in types}
    said = counts.set_index("class").loc["Dog", "because"]
    assert dict(each.split(" ") for each in said.split(", ") if each) == {
        name: str(count) for name, count in by.items() if count
    }


def test_a_score_that_equals_the_threshold_adds_nothing():
    labels, related = np.array([[1, 0], [0, 1], [1, 0]]), np.array([[0, 1], [0, 0]], dtype=bool)
    scores = np.array([[0.9, 0.5], [0.1, 0.5], [0.9, 0.6]])
    least = thresholds(labels, scores, "mean")
    assert least.tolist() == [0.9, 0.5]
    assert additions(labels, scores, least, related).tolist() == [[0, 0], [0, 0], [0, 1]]


def test_lower_thresholds_add_more(manifest, teacher, ontology, tmp_path):
    totals = [
        enhanced_of(manifest, teacher[0], ontology, tmp_path, threshold=t)[1]["added"].sum()
        for t in ("mean", 25, 10, 5)
    ]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


def test_predictions_that_do_not_fit_are_refused(manifest, teacher, ontology, tmp_path):
    rows, path = teacher[1], tmp_path / "wrong.h5"
    scores = np.full((1, len(rows), len(CLASSES)), 0.5)
    write_predictions(predictions_of(manifest, scores, rows, [*CLASSES[:4], "Car"]), path)
    with pytest.raises(UserError, match=r"wrong\.h5: predictions of other classes.*'Car', 'Noise'"):
        enhanced_of(manifest, path, ontology, tmp_path)
    write_predictions(predictions_of(manifest, scores[:, :2], [0, CLIPS - 1]), path)
    with pytest.raises(UserError, match=r"wrong\.h5: .*other clips: 'clip.*39' is none.*'train'"):
        enhanced_of(manifest, path, ontology, tmp_path)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_relabelled_list_is_scored_without_predicting_again(manifest, tmp_path, kind):
    evaluated = manifest.frame["clip_id"].tolist()[-4:]
    listed = {evaluated[2]: ["/m/Cat", "/m/Animal"], evaluated[0]: ["/m/Bark"], "gone": ["/m/Dog"]}
    path = tmp_path / f"list.{kind}"
    if kind == "csv":
        path.write_text(
            "ytid,labels\n" + "".join(f"{c},{';'.join(own)}\n" for c, own in listed.items())
        )
    else:
        data = [{"wav": f"/x/Y{clip}.wav", "labels": ",".join(own)} for clip, own in listed.items()]
        path.write_text(json.dumps({"data": data}))
    ids = {name: f"/m/{name}" for name in CLASSES}
    out, counts_out = tmp_path / "set.parquet", tmp_path / "set.csv"
    import_label_set(path, manifest, "eval", ids, "made by a machine", out, counts_out)
    found = read_label_set(out)
    assert found.about == "made by a machine"
    assert [found.by_clip[clip] for clip in evaluated] == [["Bark"], None, ["Animal", "Cat"], None]
    assert found.by_clip[manifest.frame["clip_id"][0]] == manifest.frame["labels"][0]
    counts = pd.read_csv(counts_out)
    before = [set(manifest.frame["labels"].iloc[-4 + n]) for n in (0, 2)]
    after = [{"Bark"}, {"Animal", "Cat"}]
    for name, clips, added, removed in counts[list(COUNTS)].itertuples(index=False):
        assert clips == sum(name in own for own in before)
        assert added == sum(name in a - b for a, b in zip(after, before, strict=True))
        assert removed == sum(name in b - a for a, b in zip(after, before, strict=True))

    scores = np.random.default_rng(1).random((2, 4, len(CLASSES)))
    rows = list(range(CLIPS - 4, CLIPS))[::-1]
    predictions = predictions_of(manifest, scores, rows)
    scored = dict(scored_against(predictions, {"new": found}))["new"]
    assert scored.clip_id.tolist() == [evaluated[2], evaluated[0]]
    assert scored.labels.tolist() == [[1, 0, 0, 1, 0], [0, 0, 1, 0, 0]]
    assert np.array_equal(scored.mean_probability, scores[:, [1, 3]].astype(np.float32))
    with pytest.raises(UserError, match=r"set\.parquet: has no labels of the clip"):
        found.labels(evaluated, CLASSES)
    with pytest.raises(UserError, match="a label set of other clips: 'x' is not among its 40"):
        found.covers(["x"])
    with pytest.raises(UserError, match=r"a label set of other classes: \['Noise'\]"):
        found.labels(evaluated[:1], CLASSES[:4])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip_id,labels\nother,Dog\n", "other clips: none is in the manifest"),
        ("clip_id,labels\nclip00000000036,Wolf\n", r"line 2: 'Wolf' is none"),
        ("clip_id,labels\nclip00000000000,Dog\n", r"line 2: .*a clip of 'train', not of 'eval'"),
        ("clip_id,labels\n" + 2 * "clip00000000036,Dog\n", r"line 3: .*a second time"),
        ("name\nDog\n", r"is no list of labels"),
        ('{"data": [{"labels": "Dog"}]}', r"is no list of labels"),
    ],
)
def test_lists_that_do_not_fit_are_refused(manifest, tmp_path, text, message):
    path = tmp_path / "list"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        import_label_set(path, manifest, "eval", {}, "", tmp_path / "o", tmp_path / "c")


def test_audioset_r(mirror, tmp_path):
    """The relabelled list that a machine made, on AudioSet's official evaluation list."""
    from vipann.datasets.adapters.audioset import class_ids, read_segments

    folder = mirror / "audioset-sample"
    ids = class_ids(folder)
    name_of = {own: name for name, own in ids.items()}
    lists = {"train": "balanced_train_segments.csv", "eval": "eval_segments.csv"}
    parts = [read_segments(folder / file).assign(split=s) for s, file in lists.items()]
    table = pd.concat(parts, ignore_index=True).rename(columns={"ytid": "clip_id"})
    table["labels"] = [[name_of[mid] for mid in mids.split(",")] for mids in table["mids"]]
    out, counts_out = tmp_path / "r.parquet", tmp_path / "r.csv"
    path = mirror / "audioset-r/eval_relabelled.csv"
    import_label_set(path, ClipTable(table, list(ids)), "eval", ids, "a machine", out, counts_out)
    found, counts = read_label_set(out), pd.read_csv(counts_out)
    evaluated = table.loc[table["split"] == "eval", "clip_id"].tolist()
    assert found.covers(evaluated).sum() == 18_885
    total = counts["clips"] + counts["added"] - counts["removed"]
    assert total.sum() / 18_885 == pytest.approx(7.26, abs=0.005)
    assert counts["clips"].sum() / 18_885 == pytest.approx(2.55, abs=0.03)
    assert 1 - counts["removed"].sum() / counts["clips"].sum() == pytest.approx(0.75, abs=0.005)

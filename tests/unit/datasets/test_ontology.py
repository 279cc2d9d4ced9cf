"""The ontology of AudioSet's classes, against the official list and a small independent reading."""

import csv
import json

import numpy as np
import pytest

from vipann.datasets.ontology import read_ontology
from vipann.errors import UserError

ENTRIES = [
    {"id": "a", "name": "Animal", "child_ids": ["d", "h"], "restrictions": []},
    {"id": "h", "name": "Heading", "child_ids": ["p"], "restrictions": ["abstract"]},
    {"id": "d", "name": "Dog", "child_ids": ["p", "b"], "restrictions": []},
    {"id": "p", "name": "Puppy", "child_ids": [], "restrictions": []},
    {"id": "b", "name": "Bark", "child_ids": [], "restrictions": ["blacklist"]},
    {"id": "n", "name": "Noise", "child_ids": ["b"], "restrictions": []},
]


@pytest.fixture
def written(tmp_path):
    def write(entries):
        path = tmp_path / "ontology.json"
        path.write_text(json.dumps(entries))
        return path

    return write


@pytest.fixture(scope="module")
def official(mirror):
    with (mirror / "audioset-sample/class_labels_indices.csv").open() as file:
        classes = [(row["mid"], row["display_name"]) for row in csv.DictReader(file)]
    return read_ontology(mirror / "audioset-sample/ontology.json"), *zip(*classes, strict=True)


@pytest.fixture(scope="module")
def labels(mirror):
    """The sets of mids of the official balanced train list."""
    with (mirror / "audioset-sample/balanced_train_segments.csv").open() as file:
        rows = [line for line in file if not line.startswith("#")]
    return [set(line.split('"')[1].split(",")) for line in rows]


def test_pairs_among_the_527_classes(official):
    ontology, mids, _ = official
    pairs = {kind: ontology.related(mids, kind) for kind in ("child", "parent", "ancestor")}
    assert {kind: int(found.sum()) for kind, found in pairs.items()} == {
        "child": 378,
        "parent": 378,
        "ancestor": 767,
    }
    assert np.array_equal(pairs["child"], pairs["parent"].T)
    assert not (pairs["parent"] & ~pairs["ancestor"]).any()


def test_speech_in_the_official_balanced_list(official, labels):
    ontology, mids, names = official
    mid_of = dict(zip(names, mids, strict=True))
    speech = ["Male speech, man speaking", "Female speech, woman speaking"]
    speech += ["Child speech, kid speaking"]
    count = {name: sum(mid_of[name] in own for own in labels) for name in ["Speech", *speech]}
    assert list(count.values()) == [5735, 60, 60, 154]
    kinds = {mid_of[name] for name in speech}
    assert sum(bool(kinds & own) and mid_of["Speech"] not in own for own in labels) == 45
    children = ontology.related(mids, "child")[mids.index(mid_of["Speech"])]
    assert kinds <= {mids[n] for n in np.flatnonzero(children)}


def test_classes_are_found_by_name_or_by_id(official, written):
    ontology, mids, names = official
    assert ontology.ids_of(names, {}) == list(mids)
    small = read_ontology(written(ENTRIES))
    assert small.ids_of(["Dog", "Hound"], {"Hound": "p"}) == ["d", "p"]
    with pytest.raises(UserError, match=r"ontology\.json: has no entry for the classes Cat\."):
        small.ids_of(["Dog", "Cat"], {})
    with pytest.raises(UserError, match="two classes are one entry; the second is 'Hound'"):
        small.ids_of(["Dog", "Hound"], {"Hound": "d"})


def test_headings_end_the_way_up_unless_they_are_classes(written):
    small = read_ontology(written([{**e, "child_ids": e["child_ids"]} for e in ENTRIES]))
    without = small.related(["a", "p", "n"], "ancestor")
    assert without.tolist() == [[False] * 3, [True, False, False], [False] * 3]
    # By the heading only: it counts where it is a class.
    entries = [*ENTRIES[:2], {**ENTRIES[2], "child_ids": ["b"]}, *ENTRIES[3:]]
    by_heading = read_ontology(written(entries))
    assert not by_heading.related(["a", "p"], "ancestor").any()
    assert by_heading.related(["a", "h", "p"], "ancestor")[2].tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([*ENTRIES, ENTRIES[0]], "the id a comes twice"),
        ([{**ENTRIES[0], "child_ids": ["x"]}], r"a \(Animal\) has the child x, no entry"),
        (
            [*ENTRIES[:3], {**ENTRIES[3], "child_ids": ["a"]}, *ENTRIES[4:]],
            r"their own descendants: .*p \(Puppy\)",
        ),
        ([{"id": "a"}], "is no ontology"),
        ("text", "is no ontology"),
    ],
)
def test_unknown_and_cyclic_entries_are_refused(written, entries, message):
    with pytest.raises(UserError, match=message):
        read_ontology(written(entries))

"""Which recordings networks learn from, and which classes they are never shown."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.datasets.manifest import ClipTable, write_manifest
from vipann.datasets.selection import learnt_recordings, select_clips
from vipann.errors import UserError

SETTINGS = {
    "dataset": "own",
    "held_out": [],
    "fraction": 1.0,
    "validation": "none",
    "seed": 7,
}


def clips_of(counts, folds=3, per_recording=2):
    """A manifest's rows; counts: class -> recordings, which go round the folds."""
    rows = []
    for name, count in counts.items():
        for number in range(count):
            for clip in range(per_recording):
                recording = f"{name}{number}"
                rows.append(
                    {
                        "clip_id": f"{recording}/{clip}",
                        "path": f"{recording}.wav",
                        "offset_s": float(clip),
                        "duration_s": 1.0,
                        "sample_rate": 16000,
                        "fold": 1 + number % folds,
                        "split": "",
                        "labels": [name],
                        "sha256": "",
                        "recording": recording,
                        "sources": [],
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture
def select(tmp_path):
    def run(counts, folds=3, **changes):
        frame = clips_of(counts, folds)
        write_manifest(ClipTable(frame, sorted(counts)), tmp_path / "m.parquet")
        select_clips(tmp_path / "m.parquet", SETTINGS | changes, tmp_path / "s.csv")
        return frame.merge(pd.read_csv(tmp_path / "s.csv"), on="clip_id", validate="1:1")

    return run


@settings(max_examples=30)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 12), min_size=1),
    st.floats(0.05, 1),
    st.floats(0.05, 1),
    st.integers(0, 5),
)
def test_a_smaller_share_is_part_of_a_larger_one(counts, one, other, seed):
    clips = clips_of(counts)
    small, large = (
        learnt_recordings(clips, fraction, seed) for fraction in (min(one, other), max(one, other))
    )
    assert small <= large <= set(clips["recording"])


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 1.0])
def test_a_share_of_each_class_is_taken_evenly_over_folds(fraction):
    counts = {"a": 12, "b": 24, "c": 6}
    clips = clips_of(counts).drop_duplicates("recording").set_index("recording")
    chosen = clips.loc[sorted(learnt_recordings(clips_of(counts), fraction, 3))]
    found = chosen["labels"].str[0].value_counts()
    assert found.to_dict() == {name: int(np.ceil(fraction * n)) for name, n in counts.items()}
    for _, own in chosen.groupby(chosen["labels"].str[0]):
        over_folds = own["fold"].value_counts().reindex([1, 2, 3], fill_value=0)
        assert over_folds.max() - over_folds.min() <= 1


def test_clips_of_a_recording_are_learnt_together_whatever_the_order_of_rows():
    clips = clips_of({"a": 8, "b": 8}, per_recording=3)
    chosen = learnt_recordings(clips, 0.5, 1)
    assert learnt_recordings(clips.sample(frac=1, random_state=0), 0.5, 1) == chosen
    assert learnt_recordings(clips, 0.5, 2) != chosen


def test_what_is_not_learnt_is_tested(select):
    found = select({"a": 8, "b": 8}, fraction=0.5)
    assert found["use"].value_counts().to_dict() == {"learnt": 16, "tested": 16}


def test_clips_of_held_out_classes_are_unknown(select):
    found = select({"a": 6, "b": 6, "c": 6}, held_out=["b"], fraction=0.5)
    unknown = found["use"] == "unknown"
    assert set(found[unknown]["labels"].str[0]) == {"b"}
    assert unknown.sum() == 12
    assert set(found[~unknown]["labels"].str[0]) == {"a", "c"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"held_out": ["owl"]}, r"transfer\.held_out_classes\.own: 'owl' is no class.*: a, b, c$"),
        ({"held_out": ["a", "b"]}, r"transfer\.held_out_classes\.own: .* all classes but 1"),
        ({"fraction": 0.1}, r"transfer\.train_fraction: 0\.1 of the 4 recordings of 'b' leaves"),
    ],
)
def test_what_cannot_be_selected_is_refused_by_its_key(select, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        select({"a": 40, "b": 4, "c": 40}, **changes)
    assert not (tmp_path / "s.csv").exists()


def test_a_validation_fold_trains_nothing(select):
    """Two recordings of a class, of which one is in the fold that validates the other's network."""
    counts = {"a": 2, "b": 9}
    assert len(select(counts, fraction=1.0))
    with pytest.raises(UserError, match=r"'a' leaves none to train the network.* fold 1"):
        select(counts, fraction=1.0, validation="next_fold")

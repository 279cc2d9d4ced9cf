"""Classes that cannot be told apart, or that no network can learn, are named before training."""

import pytest

from vipann.datasets.adapters.folder import odd_class_folders
from vipann.datasets.building import refuse_names, refuse_too_few, refuse_untrained
from vipann.datasets.manifest import AudioFile, clip_row, clip_table
from vipann.errors import UserError


def frame(*clips):
    """Clips of (label, fold), listed in t.csv from line 2 on."""
    rows = [
        clip_row(
            AudioFile(f"{n}.wav", 8000, 8000, str(n)),
            str(n),
            label.split(";") if label else [],
            1.0,
            fold=fold,
            origin=f"t.csv, line {n + 2}",
        )
        for n, (label, fold) in enumerate(clips)
    ]
    return clip_table(rows, []).frame


def test_labels_that_differ_by_case_are_refused_with_a_line_of_each():
    refuse_names(frame(("wren", 1), ("owl", 1), ("strix;owl", 2)), "mine")
    with pytest.raises(UserError) as caught:
        refuse_names(frame(("wren", 1), ("owl", 1), ("owl;Wren", 2)), "mine")
    for part in ("line 4", "line 2", "'Wren'", "'wren'"):
        assert part in str(caught.value)


@pytest.mark.parametrize("label", ["nan", "NaN", "NA", "None", "null", "N/A"])
def test_labels_that_read_like_missing_ones_are_reported_with_their_line(label):
    assert refuse_names(frame(("wren", 1), ("nandu", 1), ("Nonesuch", 1)), "mine") == []
    (said,) = refuse_names(frame(("wren", 1), (label, 1), (label, 2)), "mine")
    assert "line 3" in said
    assert repr(label) in said


def test_one_class_is_nothing_to_learn():
    refuse_too_few(frame(("wren", 1), ("owl", 1)), "multiclass", "mine")
    refuse_too_few(frame(("wren", 1), ("", 1)), "multilabel", "mine")
    refuse_too_few(frame(("", 1)), "unlabelled", "mine")
    with pytest.raises(UserError, match=r"mine: .*'wren'.*at least two.*one folder too high"):
        refuse_too_few(frame(("wren", 1), ("wren", 2)), "multiclass", "mine")
    with pytest.raises(UserError, match="mine: no clip has a label"):
        refuse_too_few(frame(("", 1), ("", 2)), "multilabel", "mine")


def test_classes_that_no_network_tested_on_them_learns_are_named_with_their_folds():
    sound = [("wren", 1), ("wren", 2), ("owl", 2), ("owl", 3)]
    refuse_untrained(frame(*sound), "none", "mine")
    with pytest.raises(UserError, match="mine: cargo is in fold 3 only: no network tested on it"):
        refuse_untrained(frame(*sound, ("cargo", 3), ("cargo", 3)), "none", "mine")
    with pytest.raises(UserError, match="cargo is in fold 3 only, tug is in fold 1 only"):
        refuse_untrained(frame(*sound, ("cargo", 3), ("tug", 1)), "none", "mine")


def test_a_fold_that_validates_does_not_train():
    """Of three folds each network is trained on one; of five, a class in 1 and 3 is learned."""
    clips = [("wren", fold) for fold in (1, 2, 3)] + [("owl", 1), ("owl", 3)]
    refuse_untrained(frame(*clips), "none", "mine")
    with pytest.raises(UserError, match=r"owl is in folds 1 and 3 only \(tested in fold 3\).*none"):
        refuse_untrained(frame(*clips), "next_fold", "mine")
    more = [("wren", fold) for fold in range(1, 6)] + [("owl", 1), ("owl", 3)]
    refuse_untrained(frame(*more), "next_fold", "mine")


def test_a_fold_that_is_not_tested_is_not_judged():
    """cargo is in fold 3 alone; where fold 2 validates, no fold that trains for 1 holds wren."""
    clips = [("owl", 1), ("owl", 2), ("owl", 3), ("wren", 1), ("wren", 2), ("cargo", 3)]
    refuse_untrained(frame(*clips), "none", "mine", [1, 2])
    with pytest.raises(UserError, match="mine: cargo is in fold 3 only"):
        refuse_untrained(frame(*clips), "none", "mine", [1, 3])
    refuse_untrained(frame(*clips), "next_fold", "mine", [2])
    with pytest.raises(UserError, match=r"wren is in folds 1 and 2 only \(tested in fold 1\)"):
        refuse_untrained(frame(*clips), "next_fold", "mine", [1, 2])


def test_folders_that_are_parts_of_a_dataset_are_no_classes():
    assert list(odd_class_folders(["owl/a.wav", "wren/deep/b.wav"], "mine")) == []
    for paths in (["train/owl/a.wav", "Test/wren/b.wav"], ["audio/a.wav"]):
        with pytest.raises(
            UserError, match=r"one folder too high\? Set path to one of them .mine/(train|audio)"
        ):
            list(odd_class_folders(paths, "mine"))
    (said,) = odd_class_folders(["owl/a.wav", "test/a.wav"], "mine")
    assert "test" in said
    (said,) = odd_class_folders(["birds/owl/a.wav", "frogs/bufo/a.wav"], "mine")
    assert "birds, frogs" in said
    assert "one folder too high?" in said

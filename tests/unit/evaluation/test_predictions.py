"""The predictions file: what is written is read, and what is broken is named."""

import dataclasses

import h5py
import numpy as np
import pytest

from vipann.errors import UserError
from vipann.evaluation.predictions import (
    Predictions,
    read_group,
    read_predictions,
    write_predictions,
)

ARRAYS = ("mean_probability", "total", "aleatoric", "epistemic", "labels")


def plant(replications=3, clips=7, classes=4, labelled=True):
    rng = np.random.default_rng(1)
    return Predictions(
        mean_probability=rng.dirichlet(np.ones(classes), (replications, clips)).astype(np.float32),
        **{
            name: rng.random((replications, clips)).astype(np.float32)
            for name in ("total", "aleatoric", "epistemic")
        },
        labels=np.eye(classes, dtype=np.uint8)[rng.integers(0, classes, clips)]
        if labelled
        else np.zeros((clips, 0), np.uint8),
        clip_id=np.array([f"clip-ü-{index}" for index in range(clips)]),
        clip_seconds=5.0,
        clamped=0.25,
        recording=np.array([f"recording-ü-{index // 2}" for index in range(clips)]),
        task="multiclass",
        dataset="scenes",
        scored_dataset="scenes" if labelled else "ships",
        strategy="flip",
        phase="fixed",
        fold=2,
        mc_samples=5,
        seed=2**62 + 1,
        classes=tuple(f"class {index}" for index in range(classes)),
    )


@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_gives_back_what_was_written(tmp_path, labelled):
    written, path = plant(labelled=labelled), tmp_path / "deep" / "fixed.h5"
    write_predictions(written, path)
    found = read_predictions(path)
    for name in ARRAYS:
        assert getattr(found, name).dtype == getattr(written, name).dtype
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert found.clip_id.tolist() == written.clip_id.tolist()
    assert found.recording.tolist() == written.recording.tolist()
    for name in ("task", "dataset", "scored_dataset", "strategy", "phase", "fold", "mc_samples"):
        assert getattr(found, name) == getattr(written, name)
    assert (found.seed, found.classes, found.replications) == (2**62 + 1, written.classes, 3)
    assert (found.clip_seconds, found.clamped) == (5.0, 0.25)
    assert found.labelled is labelled
    assert read_group(path) == ("scenes", "flip", "fixed")
    assert [one.name for one in path.parent.iterdir()] == ["fixed.h5"]


def test_the_file_has_the_names_that_other_programs_read(tmp_path):
    write_predictions(plant(), tmp_path / "fixed.h5")
    with h5py.File(tmp_path / "fixed.h5") as file:
        assert {name: file[name].shape for name in file} == {
            "mean_probability": (3, 7, 4),
            "total": (3, 7),
            "aleatoric": (3, 7),
            "epistemic": (3, 7),
            "labels": (7, 4),
            "clip_id": (7,),
            "recording": (7,),
        }
        assert file.attrs["replications"] == 3
        assert file.attrs["classes"] == '["class 0", "class 1", "class 2", "class 3"]'


def test_targets_and_predicted_are_class_indices():
    one = plant()
    by_hand = [list(row).index(1) for row in one.labels]
    assert one.targets.tolist() == by_hand
    best = [[max(range(4), key=list(clip).__getitem__) for clip in r] for r in one.mean_probability]
    assert one.predicted.tolist() == best


@pytest.mark.parametrize("kept", [0, 10, 600])
def test_a_truncated_file_is_named(tmp_path, kept):
    path = tmp_path / "fixed.h5"
    write_predictions(plant(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"fixed\.h5"):
        read_predictions(path)
    with pytest.raises(UserError, match=r"fixed\.h5"):
        read_group(path)


def test_a_missing_file_and_a_file_of_another_kind_are_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.h5: no such"):
        read_predictions(tmp_path / "nowhere.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["logmel"] = np.zeros(3)
    with pytest.raises(UserError, match=r"other\.h5.*mean_probability"):
        read_predictions(tmp_path / "other.h5")
    (tmp_path / "text.h5").write_text("not HDF5 at all")
    with pytest.raises(UserError, match=r"text\.h5"):
        read_predictions(tmp_path / "text.h5")


def _cut(file, name):
    values = file[name][:]
    del file[name]
    file[name] = values[:-1]


FAULTS = {
    "total": lambda file: _cut(file, "total"),
    "labels": lambda file: _cut(file, "labels"),
    "clip_id": lambda file: _cut(file, "clip_id"),
    "class names": lambda file: file.attrs.__setitem__("classes", '["one"]'),
    "replications": lambda file: file.attrs.__setitem__("replications", 20),
    "task": lambda file: file.attrs.__setitem__("task", "regression"),
    "strategy": lambda file: file.attrs.__delitem__("strategy"),
    "finite": lambda file: file["aleatoric"].__setitem__((0, 0), np.nan),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_inside_is_told_with_the_file(tmp_path, fault):
    path = tmp_path / "fixed.h5"
    write_predictions(plant(), path)
    with h5py.File(path, "a") as file:
        FAULTS[fault](file)
    with pytest.raises(UserError) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)
    assert fault in str(caught.value)


def test_arrays_that_do_not_fit_are_refused_before_they_are_written():
    with pytest.raises(ValueError, match="epistemic"):
        dataclasses.replace(plant(), epistemic=np.zeros((3, 6), np.float32))

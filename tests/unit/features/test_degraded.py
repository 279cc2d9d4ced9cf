"""Degraded and selected feature files, of real clips."""

import h5py
import numpy as np
import pytest
from six_clips import BLOCK, CLASSES, SETTINGS

from vipann.conditions import Condition
from vipann.errors import UserError
from vipann.features import degraded
from vipann.features.audio import front_end_of
from vipann.features.degraded import Audio, audio_of, degrade_features
from vipann.features.selected import select_features
from vipann.features.store import FeatureStore
from vipann.seeds import derive_seed

JOB = {"folds": [1, 2, 3], "validation": "none", "padding": BLOCK["padding"], "seed": 5}
RATE = SETTINGS["sample_rate"]


@pytest.fixture(scope="module")
def own(features, audio):
    return audio_of(features[0].with_name("m.parquet"), audio, BLOCK["clip_seconds"])


@pytest.fixture
def make(features, own, tmp_path):
    """(ids, features) of a condition's file."""

    def run(kind, amount, noise=None, name="d", workers=1, **changes):
        out = tmp_path / f"{name}.h5"
        job = (Condition(kind, amount), JOB | changes, out, workers)
        degrade_features(features[0], own, noise, *job)
        with FeatureStore(out) as store:
            return store.clip_ids.tolist(), store.read(range(len(store))).astype(np.float64)

    return run


def test_noise_is_added_to_the_clip_before_the_front_end(make, features, audio):
    """The first clip by hand: white noise from its seed, scaled by powers of the unpadded clip."""
    _, found = make("white", 5.0)
    row = features[1][0]
    place = audio / row["path"], row["offset_s"], row["duration_s"]
    clip = degraded.read_clip(*place, BLOCK["clip_seconds"], RATE)
    rng = np.random.default_rng(derive_seed(JOB["seed"], "white", row["clip_id"]))
    noise = rng.standard_normal(len(clip), dtype=np.float32)
    scale = np.sqrt((clip**2).mean() / (noise**2).mean() / 10**0.5)
    front_end = front_end_of(SETTINGS)
    expected = front_end.padded(clip + scale * noise, round(2.0 * RATE), BLOCK["padding"])
    np.testing.assert_allclose(found[0], expected, atol=0.1)


def test_a_clip_does_not_depend_on_the_others_or_on_workers(make):
    ids, whole = make("white", 0.0, workers=2)
    some, part = make("white", 0.0, name="part", folds=[2])
    assert some == [ids[1], ids[4]]
    np.testing.assert_array_equal(part, whole[[1, 4]])
    assert not np.array_equal(make("white", 0.0, name="other", seed=6)[1], whole)


def test_labels_and_folds_are_those_of_the_clean_clips(make, features, tmp_path):
    make("gain", -6.0)
    with h5py.File(features[0]) as clean, h5py.File(tmp_path / "d.h5") as file:
        for name in ("labels", "fold", "clip_id", "split", "recording"):
            np.testing.assert_array_equal(file[name][()], clean[name][()])
        assert dict(file.attrs).keys() == dict(clean.attrs).keys()
        assert "level_db" not in file, "it was measured of the clean clips"
        gap = file["logmel"][()].astype(float) - clean["logmel"][()].astype(float)
    loud = gap[gap < -1]
    assert np.median(loud) == pytest.approx(-6, abs=0.05)


def test_babble_comes_of_the_folds_that_train(features, own, monkeypatch):
    with FeatureStore(features[0]) as store:
        heard = []
        monkeypatch.setattr(
            Audio,
            "read",
            lambda self, clip, rate: heard.append(clip) or np.ones(rate, np.float32),
        )
        for split, trained in (("none", {2, 3}), ("next_fold", {3})):
            heard.clear()
            voices = degraded._Voices(store, own, split)
            sound = voices.babble(1, RATE, np.random.default_rng(0), 100)
            fold_of = dict(zip(store.clip_ids.tolist(), store.fold.tolist(), strict=True))
            assert {fold_of[clip] for clip in heard} == trained
            # Clips of power 1, of as many recordings as there are.
            count = len({store.recording[store.clip_ids == clip][0] for clip in heard})
            np.testing.assert_allclose(sound, min(count, degraded.VOICES))


def test_recorded_noise_is_repeated_and_never_silent(make, own, features, audio, monkeypatch):
    clips = own.clips.iloc[:3]
    loud = clips.index[1]
    short = np.array([1, -1, 2], np.float32)
    monkeypatch.setattr(
        Audio,
        "read",
        lambda self, clip, rate: short if clip == loud else np.zeros(3, np.float32),
    )
    noise = Audio(clips, audio, 1.0)
    found = degraded._recorded(noise, RATE, np.random.default_rng(0), 7)
    assert found.tolist() == [1, -1, 2, 1, -1, 2, 1]
    silent = Audio(clips.drop(index=loud), audio, 1.0)
    with pytest.raises(UserError, match=r"uncertainty\.robustness\.noise"):
        degraded._recorded(silent, RATE, np.random.default_rng(0), 7)


def test_a_silent_clip_is_counted_and_left_as_it_is(make, features, own, monkeypatch, capsys):
    read = Audio.read
    quiet = features[1][2]["clip_id"]
    monkeypatch.setattr(
        Audio,
        "read",
        lambda self, clip, rate: read(self, clip, rate) * np.float32(clip != quiet),
    )
    _, found = make("white", 0.0)
    assert np.ptp(found[2]) == 0
    assert f"1 of them are silent: no noise was added ({quiet})" in capsys.readouterr().out


def test_a_selection_has_its_clips_and_known_classes(features, tmp_path):
    uses = ["learnt", "unknown", "tested", "unknown", "learnt", "unknown"]
    ids = [row["clip_id"] for row in features[1]]
    lines = ["clip_id,use", *(f"{one},{use}" for one, use in zip(ids, uses, strict=True))]
    (tmp_path / "s.csv").write_text("\n".join(lines), encoding="utf-8")
    with FeatureStore(features[0]) as whole:
        for use, rows in (("learnt", [0, 4]), ("tested", [0, 2, 4]), ("unknown", [1, 3, 5])):
            out = tmp_path / f"{use}.h5"
            select_features(features[0], tmp_path / "s.csv", use, ["owl"], out)
            with FeatureStore(out) as store:
                assert store.classes == CLASSES[:2]
                assert store.clip_ids.tolist() == [ids[row] for row in rows]
                np.testing.assert_array_equal(store.labels, whole.labels[rows][:, :2])
                np.testing.assert_array_equal(store.read(range(len(rows))), whole.read(rows))
                measures = whole.clip_measures.iloc[rows].reset_index(drop=True)
                assert store.clip_measures.equals(measures)

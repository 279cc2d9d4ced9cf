"""Waveforms as features: standardised as the thesis says, and stored without harm."""

import h5py
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from six_clips import BLOCK, load_clip

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import clip_row, clip_table, write_manifest
from vipann.features.audio import front_end_of
from vipann.features.extract import extract_features
from vipann.features.rejected import rejected_list
from vipann.features.store import FeatureStore
from vipann.parts import bands_of, feature_settings, frames_of

WAVEFORM = {"front_end": "waveform"}
SETTINGS = feature_settings(WAVEFORM)


def noise(count, level=0.1, offset=0.02):
    return (offset + level * np.random.default_rng(3).standard_normal(count)).astype(np.float32)


@given(st.integers(2, 5000), st.floats(1e-4, 1.0), st.floats(-0.5, 0.5))
def test_each_clip_has_mean_0_and_variance_1(count, level, offset):
    found = front_end_of(SETTINGS)(noise(count, level, offset))
    assert found.dtype == np.float32
    assert found.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert found.var(dtype=np.float64) == pytest.approx(1, rel=1e-4)


def test_a_clip_without_variance_becomes_zeros_and_is_refused():
    front_end = front_end_of(SETTINGS)
    for value, words in ((0.0, "is silent"), (0.25, "all of its 100 samples are 0.25")):
        clip = np.full(100, value, np.float32)
        assert not front_end(clip).any()
        assert words in front_end.fault(clip, front_end(clip))
    assert front_end.fault(noise(100), front_end(noise(100))) == ""


def test_padding_changes_nothing_of_the_sound():
    """A short clip is standardised by itself, then padded: with silence, at its mean."""
    front_end, clip = front_end_of(SETTINGS), noise(300)
    padded = front_end.padded(clip, 500, "zero")
    np.testing.assert_array_equal(padded[:300], front_end(clip))
    assert not padded[300:].any()
    np.testing.assert_array_equal(front_end.padded(clip, 500, "repeat")[300:], padded[:200])


def test_samples_can_be_left_as_they_are():
    front_end = front_end_of(SETTINGS | {"standardised": False})
    np.testing.assert_array_equal(front_end(noise(50)), noise(50))


def test_half_precision_costs_next_to_nothing():
    """Noise of rounding 70 dB and more below the sound, whatever its level was."""
    for level in (1e-4, 0.3):
        sound = front_end_of(SETTINGS)(noise(32000, level)).astype(np.float64)
        rounded = sound.astype(np.float16).astype(np.float64)
        assert 10 * np.log10(np.mean((rounded - sound) ** 2)) < -70
    click = np.zeros(32000, np.float32)
    click[5] = 1.0
    assert np.isfinite(front_end_of(SETTINGS)(click).astype(np.float16)).all()


def test_a_feature_file_holds_waveforms_as_they_were_heard(audio, features, tmp_path):
    source, rows = features
    made = tmp_path / "f.h5"
    extract_features(source.parent / "m.parquet", audio, BLOCK, SETTINGS, made, 2)
    with h5py.File(made) as file:
        assert file["waveform"].shape == (6, 16000)
        assert file["waveform"].chunks == (1, 16000)
        assert file["waveform"].dtype == np.float16
    with FeatureStore(made) as store:
        assert store.shape == (6, 16000)
        assert store.feature_settings == SETTINGS
        found = store.read([4, 1])
        for row, own in zip((rows[4], rows[1]), found, strict=True):
            clip = load_clip(
                audio / row["path"], row["offset_s"], row["duration_s"], 2.0, 8000, "reflect"
            )
            clip = clip.astype(np.float64)
            expected = (clip - clip.mean()) / clip.std()
            np.testing.assert_allclose(own, expected, rtol=1e-3, atol=2e-3)
        measures = store.clip_measures
    assert ((measures["quiet_share"] >= 0) & (measures["quiet_share"] < 1)).all()


def test_silent_stretches_are_measured_and_silent_files_refused(tmp_path):
    half = np.concatenate([noise(8000), np.full(8000, 0.125, np.float32)])
    soundfile.write(tmp_path / "half.wav", half, 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "flat.wav", np.full(16000, 0.125, np.float32), 8000, subtype="FLOAT")
    rows = [
        clip_row(inspect_audio(tmp_path, name), name, ["cat"], 2.0, fold=1)
        for name in ("flat.wav", "half.wav")
    ]
    write_manifest(clip_table(rows, ["cat"]), tmp_path / "m.parquet")
    made = tmp_path / "f.h5"
    extract_features(tmp_path / "m.parquet", tmp_path, BLOCK, SETTINGS, made, 1, max_rejected=0.6)
    with FeatureStore(made) as store:
        assert store.clip_ids.tolist() == ["half.wav"]
        assert store.clip_measures["quiet_share"].tolist() == [0.5]
    assert "silent to the network" in rejected_list(made).read_text()


def test_the_plan_knows_its_shape():
    assert bands_of(WAVEFORM) == 0
    assert frames_of(WAVEFORM, 4.0) == 32000
    assert front_end_of(SETTINGS).shape(4.0) == (32000,)

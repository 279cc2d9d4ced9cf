"""Measures of clips against values known by construction, and clips that no network can hear."""

import numpy as np
import pytest
import soundfile
import soxr
from six_clips import BLOCK, SETTINGS

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import clip_row, clip_table, write_manifest
from vipann.errors import UserError
from vipann.features.extract import extract_features
from vipann.features.measures import MEASURES
from vipann.features.shards import join_shards
from vipann.features.store import FeatureStore

KALDI = SETTINGS | {
    "front_end": "kaldi_mel",
    "window": "hann",
    "fft_length": 512,
    "pre_emphasis": 0.97,
    "amin": 1e-5,
}
RATE = 16000


def sine(hertz=1000.0, seconds=2.0, rate=RATE, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def noise(seconds=2.0, rate=RATE, sigma=0.1):
    return sigma * np.random.default_rng(0).standard_normal(round(seconds * rate))


def extract(folder, sounds, padding="zero", features=SETTINGS, **options):
    """Features of `sounds`, (samples, rate) by name; float files."""
    rows = []
    for name, (samples, rate) in sounds.items():
        soundfile.write(folder / f"{name}.wav", samples, rate, subtype="FLOAT")
        audio = inspect_audio(folder, f"{name}.wav")
        rows.append(clip_row(audio, name, [], BLOCK["clip_seconds"]))
    write_manifest(clip_table(rows, []), folder / "m.parquet")
    block = BLOCK | {"padding": padding}
    extract_features(folder / "m.parquet", folder, block, features, folder / "f.h5", 1, **options)
    with FeatureStore(folder / "f.h5") as store:
        return store.clip_measures.set_index(store.clip_ids)


@pytest.mark.parametrize("features", [SETTINGS, KALDI])
@pytest.mark.parametrize("padding", ["zero", "repeat", "reflect"])
def test_of_sounds_made_by_formula(tmp_path, padding, features):
    half = np.concatenate([noise(1.0), np.zeros(RATE)])
    sounds = {
        "sine": (sine(), RATE),
        "short": (sine(seconds=0.5), RATE),
        "half": (half, RATE),
        "narrow": (soxr.resample(noise(rate=8000), 8000, 44100, "HQ"), 44100),
        "stereo": (np.stack([sine(), np.zeros(2 * RATE)], axis=1), RATE),
    }
    found = extract(tmp_path, sounds, padding, features)
    assert tuple(found.columns) == MEASURES
    assert (found.dtypes == np.float32).all()
    level = found["level_db"]
    assert level["sine"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    # Of the clip before padding: the same sine.
    assert level["short"] == pytest.approx(level["sine"], abs=0.01)
    assert level["stereo"] == pytest.approx(level["sine"] - 20 * np.log10(2), abs=0.01)
    assert level["half"] == pytest.approx(20 * np.log10(0.1) - 10 * np.log10(2), abs=0.1)
    assert found["peak"]["sine"] == pytest.approx(0.5, abs=0.001)
    assert found["quiet_share"].drop("half").max() == 0
    assert found["quiet_share"]["half"] == pytest.approx(0.5, abs=0.02)
    assert found["band_edge_hz"]["half"] == pytest.approx(RATE / 2, rel=0.01)
    assert found["band_edge_hz"]["narrow"] == pytest.approx(4000, rel=0.05)
    assert found["padding_share"].tolist() == [0, 0.75, 0, 0, 0]
    assert found["source_rate"].tolist() == [RATE, RATE, RATE, 44100, RATE]
    assert found["source_seconds"].tolist() == pytest.approx([2, 0.5, 2, 2, 2])


def test_shards_and_refused_clips_leave_each_clip_its_own(tmp_path):
    sounds = {f"{n}": (sine(amplitude=0.1 * n), RATE) for n in range(1, 5)}
    sounds["2"] = (np.zeros(2 * RATE), RATE)
    whole = extract(tmp_path, sounds, max_rejected=0.3)
    assert whole.index.tolist() == ["1", "3", "4"]
    assert whole["peak"].tolist() == pytest.approx([0.1, 0.3, 0.4], abs=1e-3)
    parts = [tmp_path / "f" / f"{n}.h5" for n in (1, 2)]
    for number, part in enumerate(parts, start=1):
        extract_features(
            tmp_path / "m.parquet",
            tmp_path,
            BLOCK | {"padding": "zero"},
            SETTINGS,
            part,
            1,
            max_rejected=0.5,
            shard=number,
            shards=2,
        )
    join_shards(parts, tmp_path / "joined.h5")
    with FeatureStore(tmp_path / "joined.h5") as joined:
        assert joined.clip_measures.to_dict("list") == whole.to_dict("list")


def antiphase(rounded):
    """Channels that cancel, but for a rounding error of 16 bits in some samples if so wanted."""
    both = np.stack([sine(), -sine()], axis=1)
    if rounded:
        both[::500, 0] += 2**-15
    return both


# Above fmax and without the click that a sudden start would be.
ABOVE = sine(40000, rate=192000) * np.hanning(2 * 192000)
UNHEARD = {
    "cancels": (antiphase(rounded=False), RATE, "all its samples are 0"),
    "cancels but for rounding": (antiphase(rounded=True), RATE, "silent to the network"),
    "above fmax": (ABOVE, 192000, "50 to 8000 Hz"),
    "below a bit": (noise(sigma=1e-7), RATE, "-140 dB re full scale"),
    "one sample": (np.full(1, 0.3), RATE, "1 samples at 16000 Hz"),
    "floats as integers": (sine() * 32768, RATE, "16384, where full scale is 1"),
}


@pytest.mark.parametrize("features", [SETTINGS, KALDI])
@pytest.mark.parametrize("name", UNHEARD)
def test_what_no_network_can_hear_is_refused_with_its_reason(tmp_path, name, features):
    samples, rate, reason = UNHEARD[name]
    with pytest.raises(UserError, match="1 of 1 clips") as caught:
        extract(tmp_path, {"clip": (samples, rate)}, features=features)
    assert reason in str(caught.value)
    assert "clip.wav" in str(caught.value)


@pytest.mark.parametrize("sigma", [10 ** (-75 / 20), 8.0])
def test_what_is_quiet_or_clips_is_taken(tmp_path, sigma):
    assert len(extract(tmp_path, {"clip": (noise(sigma=sigma).clip(-20, 20), RATE)})) == 1

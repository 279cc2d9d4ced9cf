"""The synthetic adapter: what it writes, what it says it wrote, and the physics of its sounds."""

import copy
import csv
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from vipann.config import check_config, merge, read_layer
from vipann.datasets.adapters import synthetic
from vipann.datasets.manifest import validate
from vipann.datasets.synthesis import scenes
from vipann.datasets.synthesis import signal as dsp
from vipann.datasets.synthesis.sounds import SOUNDS, VESSELS, sound
from vipann.errors import UserError
from vipann.files import digest

ROOT = Path(__file__).parents[3]
RATE = 16000
EVENTS = {
    "task": "multilabel",
    "clip_seconds": 2.0,
    "folds": 0,
    "options": {
        "set": "events",
        "sample_rate": RATE,
        "train_clips": 6,
        "eval_clips": 4,
        "max_events": 3,
        "imbalance": 1.0,
        "snr_db": [5, 25],
        "classes": None,
    },
}
SCENES = {
    "task": "multiclass",
    "clip_seconds": 1.0,
    "folds": 2,
    "options": {
        "set": "scenes",
        "sample_rate": RATE,
        "clips_per_class_and_fold": 2,
        "snr_db": [5, 25],
        "classes": ["siren", "engine", "clock"],
    },
}
SHIPS = {
    "task": "unlabelled",
    "clip_seconds": 2.0,
    "folds": 0,
    "options": {"set": "ships", "sample_rate": RATE, "recordings": 7, "seconds": [1.5, 7.0]},
}
BLOCKS = {"events": EVENTS, "scenes": SCENES, "ships": SHIPS}


def varied(block, **options):
    changed = copy.deepcopy(block)
    changed["options"].update(options)
    return changed


def made(folder, block, seed=0):
    folder.mkdir()
    synthetic.place_audio([], folder, block, seed)
    return folder


def sums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}


def audio_sums(folder):
    return {path: value for path, value in sums(folder).items() if path != "labels.csv"}


def labels_csv(folder):
    return list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))


@pytest.mark.parametrize("name", BLOCKS)
def test_same_seed_same_bytes_other_seed_other_audio(name, tmp_path):
    first = sums(made(tmp_path / "a", BLOCKS[name], seed=3))
    assert first == sums(made(tmp_path / "b", BLOCKS[name], seed=3))
    other = audio_sums(made(tmp_path / "c", BLOCKS[name], seed=4))
    assert first.keys() - other.keys() == {"labels.csv"}
    assert not set(other.values()) & set(first.values())
    assert len(set(other.values())) == len(other)


@pytest.mark.parametrize(
    ("block", "more"),
    [
        (EVENTS, {"train_clips": 8, "eval_clips": 7}),
        (SCENES, {"clips_per_class_and_fold": 3}),
        (SCENES, {"classes": ["dog_bark", "siren", "engine", "clock"]}),
        (SHIPS, {"recordings": 9}),
    ],
)
def test_adding_clips_keeps_the_earlier_ones(block, more, tmp_path):
    few = audio_sums(made(tmp_path / "few", block))
    many = audio_sums(made(tmp_path / "many", varied(block, **more)))
    assert len(many) > len(few)
    assert few.items() <= many.items()


@pytest.mark.parametrize("name", BLOCKS)
def test_files_are_16_bit_mono_without_clipping_or_dc(name, tmp_path):
    folder = made(tmp_path / "a", BLOCKS[name])
    rows = labels_csv(folder)
    assert {row["path"] for row in rows} == set(audio_sums(folder))
    for row in rows:
        info = soundfile.info(folder / row["path"])
        found = (info.format, info.subtype, info.channels, info.samplerate)
        assert found == ("FLAC", "PCM_16", 1, RATE)
        wave, _ = soundfile.read(folder / row["path"])
        assert np.abs(wave).max() < 0.95
        assert 0.005 < np.sqrt(np.mean(wave**2)) < 0.2
        assert abs(wave.mean()) < 1e-4
        if name != "ships":
            assert len(wave) == BLOCKS[name]["clip_seconds"] * RATE


@pytest.mark.parametrize("name", BLOCKS)
def test_list_clips_agrees_with_the_files(name, tmp_path):
    block = BLOCKS[name]
    folder = made(tmp_path / "a", block)
    before = sums(folder)
    table = synthetic.list_clips(folder, block, 0)
    validate(table, name, folds=block["folds"], clip_seconds=block["clip_seconds"])
    for clip in table.frame.itertuples():
        assert (clip.sha256, clip.sample_rate) == (before[clip.path], RATE)
        assert clip.offset_s + clip.duration_s <= soundfile.info(folder / clip.path).duration + 1e-9
    assert sums(folder) == before
    named = {clip.path: clip for clip in table.frame.itertuples()}
    for row in labels_csv(folder):
        clip = named[row["path"]]
        events = [text.partition("@")[0] for text in row["events"].split(";") if text]
        assert sorted(set(events)) == sorted(clip.labels)
        assert clip.clip_id.startswith(row["clip_id"])
        assert (str(clip.fold), clip.split) == (row["fold"], row["split"])


def test_events_lie_in_their_clip_and_are_audible_there(tmp_path):
    block = varied(EVENTS, max_events=1, snr_db=[40, 40], train_clips=12)
    folder = made(tmp_path / "a", block)
    for row in labels_csv(folder):
        wave, _ = soundfile.read(folder / row["path"])
        onset, duration = map(float, row["events"].partition("@")[2].split("+"))
        assert onset >= 0
        assert onset + duration <= block["clip_seconds"] + 1e-2
        before, event, _ = np.split(wave, [int(onset * RATE), int((onset + duration) * RATE)])
        if len(before) > 0.1 * RATE:
            assert np.mean(event**2) > 20 * np.mean(before**2)


def test_ships_are_cut_into_whole_windows(tmp_path):
    folder = made(tmp_path / "a", SHIPS)
    frame = synthetic.list_clips(folder, SHIPS, 0).frame
    for path, windows in frame.groupby("path"):
        seconds = soundfile.info(folder / path).duration
        assert 1.49 <= seconds <= 7.01
        assert list(windows["offset_s"]) == [2.0 * i for i in range(max(int(seconds / 2), 1))]
        assert set(windows["duration_s"]) == {min(seconds, 2.0)}
    assert len(frame) > frame["path"].nunique() == 7
    assert {path.split("/")[0] for path in frame["path"]} == set(VESSELS)


def test_train_split_is_imbalanced_and_eval_split_is_balanced():
    block = varied(EVENTS, train_clips=3000, eval_clips=1600, max_events=1)
    plans = list(scenes.plan_events(block["options"], block, 7))
    labels = [(plan.split, plan.events[0].label) for plan in plans]
    assert {n for (split, _), n in Counter(labels).items() if split == "eval"} == {100}
    expected = 1 / np.arange(1, 17)
    expected *= 3000 / expected.sum()
    found = np.array([labels.count(("train", name)) for name in SOUNDS])
    assert np.all(np.abs(found - expected) < 5 * np.sqrt(expected))


def test_clips_hold_one_to_max_events_distinct_classes():
    block = varied(EVENTS, train_clips=600, eval_clips=600, max_events=3)
    plans = list(scenes.plan_events(block["options"], block, 1))
    sizes = Counter(len(plan.events) for plan in plans)
    assert set(sizes) == {1, 2, 3}
    assert min(sizes.values()) > 300
    assert all(len({e.label for e in p.events}) == len(p.events) for p in plans)
    held = Counter(e.label for p in plans if p.split == "eval" for e in p.events)
    assert max(held.values()) < 1.3 * min(held.values())


def test_scenes_are_balanced_over_classes_and_folds(tmp_path):
    folder = made(tmp_path / "a", SCENES)
    table = synthetic.list_clips(folder, SCENES, 0)
    assert table.classes == SCENES["options"]["classes"]
    cells = Counter((clip.fold, *clip.labels) for clip in table.frame.itertuples())
    assert cells == {(fold, name): 2 for fold in (1, 2) for name in table.classes}
    assert "fold2-siren-001" in set(table.frame["clip_id"])
    plans = list(scenes.plan_scenes(SCENES["options"], SCENES, 0))
    assert len({(p.fold, p.conditions) for p in plans}) == len({p.conditions for p in plans}) == 2


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (varied(EVENTS, snr_db=[20, 0]), "options.snr_db"),
        (varied(EVENTS, classes=["dragon"]), "options.classes"),
        (varied(EVENTS, classes=["bell", "bell"]), "without repeats"),
        (varied(SHIPS, seconds=[0, 4]), "options.seconds"),
        ({**SCENES, "task": "multilabel"}, "task: multiclass"),
        ({**SCENES, "folds": 0}, "folds"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(block, message, tmp_path):
    with pytest.raises(UserError, match=message):
        synthetic.place_audio([], tmp_path, block, 0)
    with pytest.raises(UserError, match="archives"):
        synthetic.place_audio([tmp_path / "a.zip"], tmp_path, SHIPS, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("dataset", "key", "value"),
    [
        ("events", "set", "scene"),
        ("events", "train_clips", 0),
        ("events", "imbalance", -1),
        ("events", "loudness", 3),
        ("ships", "sample_rate", True),
        ("ships", "recordings", None),
    ],
)
def test_options_of_another_kind_are_refused_with_the_config(dataset, key, value):
    files = [ROOT / "config/config.yaml", ROOT / "config/demo.yaml"]
    change = {"datasets": {f"synthetic_{dataset}": {"options": {key: value}}}}
    config = merge(*map(read_layer, files), change)
    with pytest.raises(UserError, match=rf"synthetic_{dataset}\.options"):
        check_config(config, ROOT / "workflow/schemas/config.schema.yaml", files)


def test_incomplete_or_outdated_folders_are_refused(tmp_path):
    folder = made(tmp_path / "a", SCENES)
    with pytest.raises(UserError, match="classes"):
        synthetic.list_clips(folder, varied(SCENES, classes=["siren", "engine"]), 0)
    (folder / labels_csv(folder)[0]["path"]).unlink()
    with pytest.raises(UserError, match="does not exist"):
        synthetic.list_clips(folder, SCENES, 0)
    (folder / "labels.csv").unlink()
    with pytest.raises(UserError, match=r"labels\.csv is missing"):
        synthetic.list_clips(folder, SCENES, 0)


KINDS = SOUNDS | VESSELS


def drawn(name, seed, seconds=3.0, rate=RATE, **ranges):
    """A sound of a class with some of its ranges replaced."""
    kind = KINDS[name]._replace(**ranges)
    return sound(kind, np.random.default_rng(seed), seconds, rate)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1), seconds=st.floats(0.2, 1.5), rate=st.sampled_from([8000, RATE])
)
def test_every_sound_is_finite_audible_and_as_long_as_asked(name, seed, seconds, rate):
    wave = drawn(name, seed, seconds, rate)
    assert wave.shape == (round(seconds * rate),)
    assert wave.dtype == np.float32
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() == pytest.approx(1, abs=1e-5)
    assert abs(wave.mean()) < 1e-5
    assert np.sqrt(np.mean(wave**2)) > 1e-3
    assert np.array_equal(wave, drawn(name, seed, seconds, rate))


def summary_of(wave):
    """Level by band, its spread and its change over time, and where the centroid goes."""
    noise = np.random.default_rng(len(wave)).standard_normal(len(wave))
    noisy = wave / np.sqrt(np.mean(wave**2)) + 0.2 * noise
    frequency, _, frames = signal.stft(noisy, RATE, nperseg=512, noverlap=256)
    edges = np.geomspace(50, 7500, 25)
    bands = [(frequency >= low) & (frequency < high) for low, high in itertools.pairwise(edges)]
    power = np.abs(frames) ** 2
    level = np.log10(np.array([power[band].sum(0) + 1e-9 for band in bands]))
    centroid = (np.arange(len(level)) @ 10**level) / (10**level).sum(0)
    rising = np.sign(np.diff(centroid)).mean()
    change = np.abs(np.diff(level)).mean(1)
    return np.concatenate([level.mean(1), level.std(1), level.max(1), change, [rising]])


@pytest.mark.slow
def test_a_linear_classifier_tells_the_classes_apart_and_ships_from_them():
    found = {name: np.array([summary_of(drawn(name, n)) for n in range(30)]) for name in KINDS}
    train = np.concatenate([found[name][:20] for name in KINDS])
    centre, spread = train.mean(0), train.std(0) + 1e-9
    labels = np.repeat(np.arange(len(KINDS)), 20)
    inputs = np.column_stack([(train - centre) / spread, np.ones(len(train))])
    # Ridge regression on the classes' indicators.
    gram = inputs.T @ inputs + 3 * np.eye(inputs.shape[1])
    weights = np.linalg.solve(gram, inputs.T @ np.eye(len(KINDS))[labels])
    test = np.concatenate([found[name][20:] for name in KINDS])
    scores = np.column_stack([(test - centre) / spread, np.ones(len(test))]) @ weights
    best, truth = scores.argmax(1), np.repeat(np.arange(len(KINDS)), 10)
    is_sound = truth < len(SOUNDS)
    assert (best == truth)[is_sound].mean() > 0.7
    assert ((best < len(SOUNDS)) == is_sound).mean() > 0.8


def envelope(wave, cut_hz):
    power = signal.sosfiltfilt(signal.butter(2, cut_hz, fs=RATE, output="sos"), wave**2)
    return np.sqrt(np.maximum(power, 0))


def strongest(wave, rate, low_hz, high_hz):
    """Frequency with most power in a range."""
    padded = 8 * len(wave)
    spectrum = np.abs(np.fft.rfft((wave - wave.mean()) * np.hanning(len(wave)), padded))
    frequency = np.fft.rfftfreq(padded, 1 / rate)
    inside = (frequency >= low_hz) & (frequency <= high_hz)
    return frequency[inside][spectrum[inside].argmax()]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "pitch"), [("engine", 90.0), ("voice", 140.0), ("ferry", 50.0)])
def test_tones_have_lines_at_multiples_of_their_pitch(seed, name, pitch):
    wave = drawn(name, seed, pitch=(pitch, pitch), swing=(0, 0), depth=(0, 0), gust=(0, 0))
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2

    def at(frequency):
        centre = round(frequency * 3)
        return power[centre - 3 : centre + 4].sum()

    assert sum(at(k * pitch) for k in (1, 2, 3)) > 4 * sum(at((k + 0.5) * pitch) for k in (1, 2, 3))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("period_s", [0.21, 0.5])
def test_clock_repeats_at_its_period(seed, period_s):
    kind = KINDS["clock"]._replace(rate=(1 / period_s, 1 / period_s))
    loud = envelope(sound(kind, np.random.default_rng(seed), 4.0, RATE), 60)
    loud -= loud.mean()
    echo = signal.correlate(loud, loud, "full")[len(loud) - 1 :]
    lags = np.arange(len(echo)) / RATE
    inside = (lags > 0.6 * period_s) & (lags < 1.6 * period_s)
    assert lags[inside][echo[inside].argmax()] == pytest.approx(period_s, rel=0.03)
    assert echo[inside].max() > 0.3 * echo[0]


@pytest.mark.parametrize(("name", "direction"), [("rising_chirp", 1), ("falling_chirp", -1)])
@pytest.mark.parametrize("seed", range(8))
def test_chirps_move_their_spectral_centroid(name, direction, seed):
    frequency, _, frames = signal.stft(drawn(name, seed), RATE, nperseg=512, noverlap=384)
    power = np.abs(frames) ** 2
    loud = power.sum(0) > 0.05 * power.sum(0).max()
    moves = np.diff((frequency @ power) / power.sum(0).clip(1e-12))[loud[1:] & loud[:-1]]
    assert np.mean(np.sign(moves) == direction) > 0.75


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "rate"), [("insect", 70.0), ("tanker", 9.2)])
def test_pulses_come_at_their_rate(seed, name, rate):
    wave = drawn(name, seed, pulse_hz=(rate, rate), depth=(0.8, 0.8), gust=(0, 0))
    high = signal.butter(4, 1500, "highpass", fs=RATE, output="sos")
    loud = envelope(signal.sosfiltfilt(high, wave), 200)
    assert strongest(loud, RATE, 0.6 * rate, 1.7 * rate) == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_has_its_colour_and_band(exponent):
    noise = dsp.coloured_noise(np.random.default_rng(0), 20 * RATE, RATE, exponent, 50, 4000)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=1e-3)
    frequency, power = signal.welch(noise, RATE, nperseg=4096)
    inside = (frequency > 150) & (frequency < 2000)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.1)
    assert power[frequency > 7000].mean() < 0.02 * power[inside].mean()


@pytest.mark.parametrize("reverberation_s", [0.3, 0.9])
def test_room_decays_by_60_db_in_its_reverberation_time(reverberation_s):
    click = np.zeros(2 * RATE, dtype=np.float32)
    click[0] = 1
    response = dsp.reverberate(
        np.random.default_rng(0), click, RATE, (reverberation_s, -10.0), (20.0, 0.45 * RATE)
    )
    remaining = 10 * np.log10(np.cumsum(response[::-1].astype(float) ** 2)[::-1])
    remaining -= remaining[0]
    measured = 3 * (np.argmax(remaining < -35) - np.argmax(remaining < -15)) / RATE
    assert 0.9 * reverberation_s < measured < 1.1 * reverberation_s


def test_gated_level_ignores_silence():
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    for wave in (tone, np.concatenate([tone, np.zeros(3 * RATE)])):
        assert dsp.gated_level(wave, RATE) == pytest.approx(np.sqrt(0.5), rel=0.01)


@given(level=st.floats(-40, 0), seed=st.integers(0, 99))
def test_file_level_is_reached_or_limited_by_the_peak(level, seed):
    out = dsp.to_file_level(np.random.default_rng(seed).standard_normal(2000) ** 3 + 5, level)
    missing = level - 20 * np.log10(np.std(out))
    assert abs(out.mean()) < 1e-6
    assert np.abs(out).max() <= 0.9 + 1e-6
    assert missing > -1e-3
    assert missing < 0.01 or np.abs(out).max() == pytest.approx(0.9)

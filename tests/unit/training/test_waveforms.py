"""Clips that are heard anew at each step: what is drawn, mixed and made of their waveforms."""

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import recipe

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import clip_row, clip_table, write_manifest
from vipann.errors import UserError
from vipann.features.audio import front_end_of
from vipann.features.batches import LogmelDataset
from vipann.features.extract import extract_features
from vipann.features.store import FeatureStore
from vipann.parts import feature_settings
from vipann.training.launch import Runtime
from vipann.training.loop import Training
from vipann.training.mixup import Partners
from vipann.training.sampling import BatchOrder, Shares
from vipann.training.waveforms import Changes, HeardAnew

RATE, SECONDS = 8000, 1.0
CLASSES = ["noise", "tone"]
BLOCK = {"clip_seconds": SECONDS, "padding": "zero", "task": "multiclass"}
OWN = {"sample_rate": RATE, "fmax": 3500.0, "mel_bands": 32, "hop_length": 400}
MEL = feature_settings({"front_end": "kaldi_mel", "kaldi_mel": OWN})
ALL = {"shift_seconds": 0.1, "gain_db": 12.0, "fmin_range_hz": 10.0, "fmax_range_hz": 500.0}


def sounds(position):
    """Three seconds of noise and three tones, at a tenth of full scale; the last is short."""
    rng = np.random.default_rng(position)
    length = RATE if position < 11 else RATE // 2
    tone = np.sin(2 * np.pi * 500 * (1 + position) / 4 * np.arange(length) / RATE)
    return 0.1 * (tone if position % 2 else rng.standard_normal(length).clip(-3, 3) / 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(features, manifest, folder of audio) of twelve clips in three folds."""
    folder, rows = tmp_path_factory.mktemp("heard_anew"), []
    for position in range(12):
        name = f"clip{position:02}"
        soundfile.write(folder / f"{name}.wav", sounds(position), RATE, subtype="FLOAT")
        audio, fold = inspect_audio(folder, f"{name}.wav"), position // 2 % 3 + 1
        rows.append(clip_row(audio, name, [CLASSES[position % 2]], SECONDS, fold=fold))
    write_manifest(clip_table(rows, CLASSES), folder / "m.parquet")
    extract_features(folder / "m.parquet", folder, BLOCK, MEL, folder / "features.h5", 1)
    return folder / "features.h5", folder / "m.parquet", folder


def anew(files, rows=range(12), seed=5, **changes):
    features, *recordings = files
    return HeardAnew(
        LogmelDataset(FeatureStore(features), rows), recordings, recipe(**changes), seed
    )


def test_unchanged_waveforms_make_the_features_of_the_file(files):
    with FeatureStore(files[0]) as store:
        expected = torch.from_numpy(store.read([11, 2])).float()
    heard, labels = anew(files, waveform_augmentation={})[3, np.array([11, 2])]
    torch.testing.assert_close(heard.half().float(), expected, atol=0, rtol=0)
    assert labels.tolist() == [[0, 1], [1, 0]]


def test_mixed_are_waveforms_and_not_features(files):
    """Algorithm 1 by hand: the mel bands of the weighted sum of two clips' samples."""
    clips = anew(files, waveform_augmentation={}, mixup_alpha=10.0, mixup_partner="uniform")
    mixture = np.array([0, 3]), np.array([5, -1]), np.array([0.3, 1.0]), np.zeros((2, 2))
    heard, labels = clips[0, mixture]
    mixed = (0.3 * sounds(0) + 0.7 * sounds(5)).astype(np.float32)
    expected = np.stack([front_end_of(MEL)(w.astype(np.float32)) for w in (mixed, sounds(3))])
    np.testing.assert_allclose(heard.numpy(), expected, atol=2e-4)
    np.testing.assert_allclose(labels.numpy(), [[0.3, 0.7], [0, 1]], rtol=1e-6)


@given(st.integers(0, 1000), st.integers(0, 10**6), st.integers(0, 50))
@settings(deadline=None, max_examples=50)
def test_a_waveform_is_turned_and_amplified_within_the_limits(step, position, seed):
    waveform = np.arange(1, RATE + 1, dtype=np.float32)
    changes = Changes(ALL, MEL, seed)
    found = changes.changed(waveform, step, position)
    first = int(np.argmin(found))
    gain_db = 20 * np.log10(found[first])
    assert abs(gain_db) <= 12
    assert min(first, RATE - first) <= 0.1 * RATE
    np.testing.assert_allclose(np.roll(found, -first), waveform * found[first], rtol=1e-6)
    np.testing.assert_array_equal(found, changes.changed(waveform, step, position))


def test_draws_differ_between_clips_steps_and_seeds():
    waveform = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    places = [(seed, step, clip) for seed in (1, 2) for step in (0, 1) for clip in (0, 1)]
    found = {Changes(ALL, MEL, s).changed(waveform, *at).tobytes() for s, *at in places}
    assert len(found) == len(places)


def test_the_mel_range_of_a_step_is_drawn_evenly_within_its_limits():
    drawn = [Changes(ALL, MEL, 1).front_end(step).settings for step in range(400)]
    fmin, fmax = (np.array([getattr(one, key) for one in drawn]) for key in ("fmin", "fmax"))
    assert 0 <= fmin.min() < 0.5
    assert 9.5 < fmin.max() <= 10
    assert 3250 <= fmax.min() < 3275
    assert 3725 < fmax.max() <= 3750
    assert abs(fmax.mean() - 3500) < 3 * 500 / np.sqrt(12 * 400)
    assert Changes({"gain_db": 3.0}, MEL, 1).front_end(0).settings.fmax == 3500


def test_processes_that_share_a_batch_hear_what_one_hears(files):
    changes = {"waveform_augmentation": ALL, "mixup_alpha": 0.3, "mixup_partner": "uniform"}
    clips = anew(files, mixup_rate=0.7, **changes)
    partners = Partners(len(clips), 0.7, 0.3, 5)

    def heard(processes):
        order = BatchOrder(len(clips), 6, 5, processes=processes)
        shares = [Shares(order, range(3), rank, partners, True) for rank in range(processes)]
        return [torch.cat([clips[one][0] for one in step]) for step in zip(*shares, strict=True)]

    alone, together = heard(1), heard(3)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert not torch.equal(alone[0], alone[1])


def test_audio_that_is_gone_is_named(files, tmp_path):
    clips = HeardAnew(LogmelDataset(FeatureStore(files[0]), [4]), (files[1], tmp_path), recipe(), 1)
    with pytest.raises(UserError, match=r"clip04.wav cannot be read"):
        clips[0, np.array([0])]


class Recorder(torch.nn.Module):
    """Keeps what a training shows it."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.shown = []

    def forward(self, batch, share):
        self.shown.append(batch[0].clone())
        return {"loss": self.weight, "kl": self.weight * 0, "objective": self.weight}

    def optimizer(self, steps, steps_per_epoch):
        found = torch.optim.SGD([self.weight], 0.1)
        return found, torch.optim.lr_scheduler.ConstantLR(found)


def test_a_training_shows_each_epoch_anew_and_the_same_with_workers(files):
    chosen = recipe(waveform_augmentation=ALL, batch_size=12, epochs=2)
    shown = []
    for workers in (0, 1):
        module = Recorder()
        clips = anew(files, seed=9, waveform_augmentation=ALL)
        Training(module, clips, chosen, 9, Runtime(loader_workers=workers)).run()
        shown.append(module.shown)
    assert [len(one) for one in shown] == [2, 2]
    assert torch.equal(torch.stack(shown[0]), torch.stack(shown[1]))
    assert not torch.equal(*(one.sort(0).values for one in shown[0]))

"""Encoders and augmentation that do not fit the front end are refused with the config."""

from pathlib import Path

import pytest

from vipann.config import check_config, merge, read_layer
from vipann.errors import UserError

ROOT = Path(__file__).parents[2]
SCHEMA, BASE = ROOT / "workflow/schemas/config.schema.yaml", ROOT / "config/config.yaml"
NO_STRIPES = {"spec_augment": {"time_stripes": 0, "mel_stripes": 0}}
STRIPES = {"time_stripes": 0, "time_width": 64, "mel_stripes": 1, "mel_width": 8}
ON_WAVEFORMS = {
    "features": {"front_end": "waveform"},
    "model": {"encoder": "raw_cnn", "pooling": "mean", "head": "linear"},
    **dict.fromkeys(("pretrain", "transfer", "scratch"), NO_STRIPES),
}


def checked(*overrides):
    config = merge(read_layer(BASE), *overrides)
    check_config(config, SCHEMA, [BASE])


def test_waveforms_and_a_network_for_them_go_together():
    checked(ON_WAVEFORMS)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            {"features": {"front_end": "logmel"}},
            "'raw_cnn' takes waveforms, and features.front_end",
        ),
        ({"model": {"encoder": "resnet50"}}, "'resnet50' takes frames, and features.front_end"),
        (
            {"scratch": {"spec_augment": {"mel_stripes": 1}}},
            r"scratch.spec_augment.mel_stripes: must be 0",
        ),
        (
            {"pretrain": {"masking": {"frequency": 3, "time": 0}}},
            "pretrain.masking.frequency: must be 0",
        ),
        (
            {"transfer": {"finetuned": {"spec_augment": STRIPES}}},
            r"transfer.finetuned.spec_augment.mel_stripes: must be 0",
        ),
    ],
)
def test_what_does_not_go_together_is_named(other, words):
    with pytest.raises(UserError, match=words):
        checked(ON_WAVEFORMS, other)


ANEW = {"waveform_augmentation": {}}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            merge(ON_WAVEFORMS, {"scratch": ANEW}),
            r"scratch.waveform_augmentation: is not allowed with features.front_end: waveform",
        ),
        (
            {"transfer": {"fixed": {"cache": "embeddings", "backbone_mode": "eval"} | ANEW}},
            r"transfer.fixed.waveform_augmentation \{\}: it changes inputs.*\n?.*: null",
        ),
        (
            {"transfer": {"finetuned": {"waveform_augmentation": {"fmax_range_hz": 5000}}}},
            r"finetuned.waveform_augmentation.fmax_range_hz: 5000 is not .* must be at most 4000,",
        ),
        (
            {"pretrain": {"waveform_augmentation": {"fmin_range_hz": 13950}}},
            r"pretrain.waveform_augmentation.fmin_range_hz: raises fmin to 14000 Hz",
        ),
        ({"scratch": {"waveform_augmentation": {"pitch": 1}}}, "scratch.waveform_augmentation"),
    ],
)
def test_what_cannot_be_heard_anew_is_named(other, words):
    with pytest.raises(UserError, match=words):
        checked(other)


def test_a_phase_may_show_what_the_other_does_not():
    """The embeddings of the fixed phase are cached; what is fine-tuned is mixed and heard anew."""
    fixed = {"cache": "embeddings", "backbone_mode": "eval"}
    finetuned = {"mixup_alpha": 0.3, "mixup_partner": "uniform", "batch_size": 16} | ANEW
    checked({"transfer": {"fixed": fixed, "finetuned": finetuned}})
    with pytest.raises(UserError, match=r"transfer.finetuned.mixing: 'cutmix' needs"):
        checked({"transfer": {"finetuned": {"mixing": "cutmix"}}})


def test_stripes_of_what_is_not_trained_are_no_matter():
    idle = {"scratch": {"strategies": [], "spec_augment": {"mel_stripes": 2}}}
    checked(ON_WAVEFORMS, idle)


def test_fully_connected_layers_need_the_clips_that_they_are_made_for():
    """5 s at 8 kHz are 40,000 samples: fewer than 48,000, and more than 32,000."""
    own = {"fully_connected": [10], "fully_connected_samples": 48000}
    with pytest.raises(UserError, match=r"needs 48000 samples, .*40000 .* at least 6"):
        checked(ON_WAVEFORMS, {"model": {"raw_cnn": own}})
    checked(ON_WAVEFORMS, {"model": {"raw_cnn": {"fully_connected": [10]}}})

"""What degrades sound, against formulas and scipy's filter response."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, sosfreqz

from vipann.audio import degrade

RATE = 16000


def tone(hertz, seconds=1.0, rate=RATE):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def noise(seed, length):
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


@given(st.floats(-20, 40), st.integers(0, 10), st.integers(100, 3000))
def test_the_ratio_of_mean_powers_is_the_one_asked_for(ratio, seed, length):
    clip, other = 0.1 * noise(seed, length), 7 * noise(seed + 99, length)
    added = degrade.with_noise(clip, other, ratio).astype(np.float64) - clip
    found = 10 * np.log10(np.mean(clip.astype(np.float64) ** 2) / np.mean(added**2))
    assert found == pytest.approx(ratio, abs=0.01)
    assert np.corrcoef(added, other)[0, 1] > 0.999


@pytest.mark.parametrize("silent", ["clip", "noise"])
def test_without_power_on_a_side_a_clip_stays_as_it_is(silent):
    nothing, something = np.zeros(100, np.float32), noise(0, 100)
    sides = (nothing, something) if silent == "clip" else (something, nothing)
    np.testing.assert_array_equal(degrade.with_noise(*sides, 0.0), sides[0])


def test_a_shift_is_circular():
    clip = np.arange(8, dtype=np.float32)
    found = degrade.shifted(clip, 2 / RATE, RATE)
    assert found.tolist() == [6, 7, 0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(degrade.shifted(found, -2 / RATE, RATE), clip)


def test_a_gain_is_in_decibels_of_amplitude():
    clip = noise(1, 50)
    np.testing.assert_allclose(degrade.amplified(clip, -20), clip / 10, rtol=1e-6)


@pytest.mark.parametrize("hertz", [300, 900, 1000, 1200, 2000])
def test_low_pass_weakens_a_tone_by_the_filters_response_twice(hertz):
    """Forth and back: the response squared, without delay."""
    cutoff, clip = 1000, tone(hertz)
    found = degrade.low_passed(clip, cutoff, RATE)
    sections = butter(degrade.LOW_PASS_ORDER, cutoff, fs=RATE, output="sos")
    response = np.abs(sosfreqz(sections, [hertz], fs=RATE)[1][0]) ** 2
    middle = slice(RATE // 4, -RATE // 4)
    np.testing.assert_allclose(found[middle], response * clip[middle], atol=2e-4)
    if hertz == cutoff:
        assert response == pytest.approx(0.5)


@pytest.mark.parametrize("rate", [16000, 22050, 32000])
@pytest.mark.parametrize(("code", "kbits"), [("mp3_coded", 40), ("opus_coded", 24)])
def test_coded_sound_keeps_its_length_and_its_place_in_time(rate, code, kbits):
    clip = degrade.low_passed(0.1 * noise(4, rate), 3000, rate)
    found = getattr(degrade, code)(clip, kbits, rate)
    assert found.shape == clip.shape
    lags = range(-40, 41)
    likeness = [float(np.dot(np.roll(found, -lag), clip)) for lag in lags]
    assert abs(lags[int(np.argmax(likeness))]) <= 3
    assert 0.7 < np.corrcoef(found, clip)[0, 1] < 0.9999


def test_fewer_bits_lose_more():
    clip = noise(3, RATE) * 0.1
    gaps = [np.abs(degrade.mp3_coded(clip, kbits, RATE) - clip).mean() for kbits in (160, 40)]
    assert gaps[0] < gaps[1]

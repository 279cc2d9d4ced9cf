"""Rate, length and sum of files: what is there, whatever a header says."""

import hashlib
import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from damaged import RATE, sound, with_sizes, without_total, without_xing, write
from unprivileged import as_nobody

from vipann.audio import decode, headers
from vipann.audio.decode import read_mono
from vipann.audio.headers import ogg_is_whole
from vipann.audio.probe import inspect_all, inspect_audio
from vipann.errors import UserError


def test_inspect_audio_of_odd_formats(mirror):
    folder = mirror / "odd-formats"
    for path in folder.glob("*.wav"):
        audio = inspect_audio(folder, path.name)
        assert f"-{audio.sample_rate}Hz" in path.name
        assert audio.frames == len(soundfile.read(path)[0])
        assert audio.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_that_are_no_audio_are_named(tmp_path):
    (tmp_path / "text.wav").write_text("no audio at all")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    for name in ("text.wav", "empty.wav", "absent.wav"):
        with pytest.raises(UserError, match=name):
            inspect_audio(tmp_path, name)


@pytest.fixture
def probe(tmp_path):
    """Write bytes as x.<suffix>; the length that is found, and those of whole and partial reads."""

    def inspected(content, suffix):
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(content)
        seconds = inspect_audio(tmp_path, path.name).duration_s
        assert len(read_mono(path, RATE)) == pytest.approx(seconds * RATE, abs=1)
        assert len(read_mono(path, RATE, seconds - 0.5, 0.25)) == RATE / 4
        return seconds

    return inspected


CONTAINERS = {
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "wave": {"format": "WAVEX", "subtype": "PCM_24"},
    "bwf": {"format": "WAV", "subtype": "IMA_ADPCM"},
    "rf64": {"format": "RF64", "subtype": "FLOAT"},
    "w64": {"format": "W64", "subtype": "PCM_16"},
    "aiff": {"format": "AIFF", "subtype": "PCM_16"},
    "aifc": {"format": "AIFF", "subtype": "FLOAT"},
    "snd": {"format": "AU", "subtype": "ULAW"},
    "caf": {"format": "CAF", "subtype": "PCM_16"},
    "sph": {"format": "NIST", "subtype": "PCM_16"},
    "nist": {"format": "NIST", "subtype": "ULAW"},
    "ogg": {"format": "OGG"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {"format": "MP3"},
}


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_copy_that_broke_off_is_refused_and_a_whole_one_is_read(tmp_path, probe, suffix):
    whole = write(tmp_path / "whole", 8.0, **CONTAINERS[suffix])
    assert probe(whole, suffix) == pytest.approx(8.0, abs=0.04)
    for share in (0.3, 0.9):
        # libsndfile itself refuses such a caf, without a length.
        what = "malformed" if suffix == "caf" else "is cut short: .*[0-9] s"
        with pytest.raises(UserError, match=rf"x\..* {what}") as caught:
            probe(whole[: round(len(whole) * share)], suffix)
        if suffix not in ("ogg", "opus", "caf"):
            promised, there = re.findall(r"([0-9]+\.[0-9]+) s", str(caught.value))
            assert float(promised) == pytest.approx(8.0, abs=0.15)
            assert float(there) == pytest.approx(8.0 * share, abs=0.15)


@pytest.mark.parametrize("size", [2**32 - 1, 2**31 - 1, 0x7FFFF000, 2**31])
def test_a_size_that_the_writer_left_open_is_the_files_own(tmp_path, probe, size):
    assert probe(with_sizes(write(tmp_path / "w", 8.0, format="WAV"), size, size), "wav") == 8.0


def test_an_open_size_of_an_au_is_the_files_own(tmp_path, probe):
    au = write(tmp_path / "au", 8.0, format="AU", subtype="PCM_16")
    assert probe(au[:8] + b"\xff" * 4 + au[12:], "au") == 8.0


@pytest.mark.parametrize(("size", "says"), [(0, "0.000 s"), (2 * RATE, "1.000 s")])
def test_a_size_that_is_too_small_is_refused_with_what_follows(tmp_path, probe, size, says):
    wav = write(tmp_path / "w", 8.0, format="WAV")
    follows = f"{16 * RATE - size} bytes"
    with pytest.raises(UserError, match=rf"x\.wav holds more .*{says}.*{follows}"):
        probe(with_sizes(wav, 36 + size, size), "wav")


KILLED = {
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "wave": {"format": "WAVEX", "subtype": "PCM_24"},
    "bwf": {"format": "WAV", "subtype": "IMA_ADPCM"},
    "w64": {"format": "W64", "subtype": "PCM_16"},
    "rf64": {"format": "RF64", "subtype": "PCM_16"},
    "aiff": {"format": "AIFF", "subtype": "PCM_16"},
    "au": {"format": "AU", "subtype": "FLOAT"},
    "sph": {"format": "NIST", "subtype": "PCM_16"},
    "caf": {"format": "CAF", "subtype": "PCM_16"},
}


@pytest.mark.parametrize("suffix", KILLED)
def test_a_file_whose_writer_was_killed_is_refused_with_what_it_holds(tmp_path, probe, suffix):
    with soundfile.SoundFile(tmp_path / "open", "w", RATE, 1, **KILLED[suffix]) as writer:
        writer.write(sound(8.0))
        writer.flush()
        left = (tmp_path / "open").read_bytes()
        with pytest.raises(UserError, match=rf"x\.{suffix} holds more .* 0\.000 s") as caught:
            probe(left, suffix)
    follows = re.search(r"\(([0-9.]+) s\) follow", str(caught.value))
    assert float(follows[1]) == pytest.approx(8.0, abs=0.06)


def test_other_parts_of_a_file_are_no_samples(tmp_path, probe):
    wav = write(tmp_path / "w", 2.0, format="WAV")
    note = b"LIST" + struct.pack("<I", 30000) + b"INFO" + bytes(range(1, 250)) * 121
    odd = b"note" + struct.pack("<I", 5) + b"12345\0"
    assert probe(wav + note[:30008], "wav") == 2.0
    assert probe(wav + odd + note[:30008], "wav") == 2.0
    assert probe(wav[:12] + odd + wav[12:], "wav") == 2.0
    assert probe(wav + bytes(30000), "wav") == 2.0
    # Some writers forget to fill an odd number of bytes up to an even one.
    odd_bytes = write(tmp_path / "w8", 2.0, format="WAV", subtype="PCM_U8")[:-1]
    odd_bytes = with_sizes(odd_bytes, len(odd_bytes), 2 * RATE - 1)
    assert probe(odd_bytes + note[:30008], "wav") == pytest.approx(2.0, abs=0.001)
    # Some writers count the header too.
    assert probe(with_sizes(wav, len(wav), len(wav)), "wav") == 2.0


def test_id3_tags_around_a_wav_are_no_samples(tmp_path, probe):
    wav = write(tmp_path / "w", 2.0, format="WAV")
    tag = b"ID3\x03\0\0\0\0\x7f\x76" + b"x" * (0x7F << 7 | 0x76)
    assert probe(wav + tag, "wav") == probe(tag + wav, "wav") == 2.0
    assert probe(wav + tag + tag + b"TAG" + b"x" * 125, "wav") == 2.0
    with pytest.raises(UserError, match=r"x\.wav holds more .*\(0\.512 s\) follow"):
        probe(wav + tag.replace(b"ID3", b"xyz"), "wav")
    with pytest.raises(UserError, match=r"x\.wav is cut short: .*2\.000 s, and 1\.000 s"):
        probe(tag + wav[: -2 * RATE], "wav")


def test_samples_that_read_as_the_name_of_a_part_are_samples(tmp_path, probe):
    """Tones of 8 bits: bytes from 32 to 126 are a quarter of all, and can be any four in a row."""
    times = np.arange(8 * RATE) / RATE
    for hertz in range(100, 2000, 50):
        tone = 0.9 * np.sin(2 * np.pi * hertz * times - 0.6)
        soundfile.write(tmp_path / "t.wav", tone, RATE, subtype="PCM_U8")
        wav = with_sizes((tmp_path / "t.wav").read_bytes(), 36 + RATE, RATE)
        with pytest.raises(UserError, match=r"x\.wav holds more .* 1\.000 s.*\(7\.000 s\) follow"):
            probe(wav, "wav")


def test_a_flac_without_a_total_is_counted_by_decoding_it(tmp_path, probe):
    flac = without_total(write(tmp_path / "f", 8.0, format="FLAC"))
    assert probe(flac, "flac") == 8.0
    with soundfile.SoundFile(tmp_path / "x.flac") as stream:
        assert stream.frames > 2**62
    whole, part = read_mono(tmp_path / "x.flac", RATE), read_mono(tmp_path / "x.flac", RATE, 5, 1)
    np.testing.assert_array_equal(part, whole[5 * RATE : 6 * RATE])
    np.testing.assert_allclose(whole, sound(8.0), atol=2**-15)
    with pytest.raises(UserError, match=r"no audio from 9\.000 s on"):
        read_mono(tmp_path / "x.flac", RATE, 9)


@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
def test_an_mp3_without_a_xing_header_has_the_length_of_its_frames(tmp_path, probe, mode):
    how = {"format": "MP3", "bitrate_mode": mode, "compression_level": 0.5}
    mp3 = write(tmp_path / "m", 20.0, **how)
    bare = without_xing(mp3)
    tag = b"ID3\x03\0\0\0\0\x7f\x76" + bytes(0x7F << 7 | 0x76)
    trailer = b"TAG" + bytes(125)
    assert probe(mp3, "mp3") == probe(tag + mp3 + trailer, "mp3") == 20.0
    expected = pytest.approx(20.0, abs=0.15)
    assert probe(bare, "mp3") == expected
    assert probe(tag + bare, "mp3") == expected
    samples = read_mono(tmp_path / "x.mp3", RATE)
    assert np.sqrt((samples[15 * RATE : 16 * RATE] ** 2).mean()) > 0.1
    assert probe(mp3 + bare, "mp3") == pytest.approx(40.0, abs=0.3)
    assert probe(mp3 + mp3, "mp3") == pytest.approx(40.0, abs=0.3)


# libsndfile itself refuses such wav and aiff files.
JOINED = {name: CONTAINERS[name] for name in ("w64", "rf64", "snd", "caf", "sph", "ogg", "opus")}


@pytest.mark.parametrize("suffix", [*JOINED, "flac"])
def test_joined_files_are_refused_and_not_read_as_their_first(tmp_path, probe, suffix):
    how = JOINED.get(suffix, {"format": "FLAC"})
    one, other = write(tmp_path / "a", 2.0, **how), write(tmp_path / "b", 3.0, **how)
    assert probe(one, suffix) == 2.0
    for content in (one + other, other + one, one + one):
        with pytest.raises(UserError, match=rf"x\.{suffix} .*joined.*anew") as caught:
            probe(content, suffix)
        lengths = {float(found) for found in re.findall(r"([0-9.]+) s[ ,]", str(caught.value))}
        assert not lengths or lengths & {2.0, 3.0}
    # Where no sum is wanted, files are not read in full: reading the clip tells.
    (tmp_path / f"x.{suffix}").write_bytes(one + other)
    if suffix in ("ogg", "opus", "flac"):
        assert inspect_audio(tmp_path, f"x.{suffix}", checksum=False).duration_s == 2.0
    with pytest.raises(UserError, match="joined"):
        read_mono(tmp_path / f"x.{suffix}", RATE, 0.0, 0.5)


class Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def read(self, size=-1):
        block = super().read(size)
        Counted.count += len(block)
        return block


def test_of_an_ogg_no_more_is_read_than_its_last_page_needs(tmp_path, monkeypatch):
    def page(size):
        lengths = bytes([255] * (size // 255)) + bytes([size % 255])
        return b"OggS\0\4" + bytes(20) + bytes([len(lengths)]) + lengths + b"x" * size

    monkeypatch.setattr(Path, "open", lambda path, mode: Counted(path, mode))
    path = tmp_path / "x.ogg"
    for size, most in ((4000, 8192), (60000, 200000)):
        for cut, is_whole in ((0, True), (1, False)):
            path.write_bytes((bytes(200000) + page(size))[: -cut or None])
            monkeypatch.setattr(Counted, "count", 0)
            assert ogg_is_whole(path) == is_whole
            assert size <= Counted.count <= most


def test_a_second_start_of_an_ogg_is_found_wherever_it_lies(tmp_path, monkeypatch):
    one = write(tmp_path / "a", 2.0, format="OGG")
    monkeypatch.setattr(headers, "_BLOCK", 64)
    for number in range(64):
        # Its place in a block of reading differs with the length of what is in front.
        path = tmp_path / f"{number}.ogg"
        path.write_bytes(one + bytes(number) + one)
        assert headers.is_joined(path, "OGG")
    assert not headers.is_joined(tmp_path / "a", "OGG")


@pytest.mark.parametrize(("suffix", "name"), [("voc", "VOC"), ("wav", "PAF"), ("sds", "SDS")])
def test_formats_whose_length_cannot_be_checked_are_refused(tmp_path, probe, suffix, name):
    content = write(tmp_path / "w", 2.0, format=name, subtype="PCM_16")
    with pytest.raises(UserError, match=rf"x\.{suffix} .*{name}.*convert it to wav or flac"):
        probe(content, suffix)


def test_healthy_mp3s_are_not_decoded_to_be_measured(tmp_path, probe, monkeypatch):
    mp3 = write(tmp_path / "m", 2.0, format="MP3")
    monkeypatch.setattr(decode, "_blocks", None)
    assert probe(mp3, "mp3") == 2.0


def test_a_file_that_may_not_be_read_is_named_and_stays_listed(tmp_path):
    for name in ("good", "locked"):
        write(tmp_path / f"{name}.wav", 1.0, format="WAV")
    (tmp_path / "locked.wav").chmod(0)
    with as_nobody(tmp_path):
        files = list(inspect_all(tmp_path, ["good.wav", "locked.wav"], "files"))
        with pytest.raises(UserError, match=r"locked\.wav cannot be read: Permission denied"):
            inspect_audio(tmp_path, "locked.wav")
    assert [file.sample_rate for file in files] == [RATE, 0]
    assert files[1].sha256 == ""

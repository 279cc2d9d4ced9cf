"""AudioSet: the real lists with real clips, some of them missing or broken."""

import csv
import json
import os
import stat
import sys
from collections import Counter

import pandas as pd
import pytest
import soundfile

from vipann.datasets import audioset_fetch
from vipann.datasets.adapters.audioset import (
    LISTS,
    index_clips,
    list_clips,
    place_audio,
    read_segments,
)
from vipann.datasets.audioset_fetch import fetch_shard
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

HEAD = "# Segments csv\n#\n# YTID, start_seconds, end_seconds, positive_labels\n"


def block(**options):
    base = {"task": "multilabel", "clip_seconds": 10.0, "folds": 0, "padding": "zero"}
    return base | {"options": options}


@pytest.fixture(scope="session")
def sample(mirror):
    return mirror / "audioset-sample"


@pytest.fixture
def lists(sample):
    return [sample / name for name in (*LISTS, "class_labels_indices.csv")]


def place(lists, folder, **options):
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    place_audio(lists, folder / "audio", block(**options), 0)
    return folder / "audio"


def rows_of(path):
    """The list, read by the csv module, as an independent witness."""
    with path.open() as stream:
        rows = csv.reader((line for line in stream if line[0] != "#"), skipinitialspace=True)
        return {row[0]: row[1:] for row in rows}


def test_the_real_lists_and_clips(sample, lists, tmp_path):
    folder = place(lists, tmp_path, audio_dir=str(sample / "audio"))
    out, missing_out = tmp_path / "m.parquet", tmp_path / "missing.csv"
    table = build_manifest("audioset", folder, block(), 0, out, missing_out)
    clips = {path.stem: path for path in (sample / "audio").glob("*.wav")}
    assert set(table.frame["clip_id"]) == set(clips)
    assert (len(table.classes), table.classes[0], table.classes[2]) == (
        527,
        "Speech",
        "Female speech, woman speaking",
    )
    for row in table.frame.itertuples():
        info = soundfile.info(clips[row.clip_id])
        assert row.sample_rate == info.samplerate
        assert row.duration_s == pytest.approx(min(info.duration, 10.0))
        assert (row.labels, row.split, row.sha256) == (["Bird"], "train", "")
        assert (folder / row.path).samefile(clips[row.clip_id])
    missing = pd.read_csv(missing_out)
    listed = {name: rows_of(sample / name) for name in LISTS}
    assert len(missing) == sum(map(len, listed.values())) - len(clips)
    assert Counter(missing["split"])["eval"] == 20371
    assert set(missing["reason"]) == {"no file in the audio folder"}


def test_labels_are_those_of_the_list(sample, lists, tmp_path):
    listed = rows_of(sample / "eval_segments.csv")
    chosen = [ytid for ytid, row in listed.items() if row[2].count(",") > 2][:6]
    audio = tmp_path / "clips"
    audio.mkdir()
    for ytid, path in zip(chosen, sorted((sample / "audio").glob("*.wav")), strict=False):
        (audio / f"{ytid}.wav").symlink_to(path)
    table = list_clips(place(lists, tmp_path), block(), 0)
    with (sample / "class_labels_indices.csv").open() as stream:
        names = {row["mid"]: row["display_name"] for row in csv.DictReader(stream)}
    assert set(table.frame["split"]) == {"eval"}
    for row in table.frame.itertuples():
        assert row.labels == [names[mid] for mid in listed[row.clip_id][2].split(",")]


def test_broken_and_uncut_clips_are_missing_with_their_reason(sample, lists, tmp_path, mirror):
    listed = list(rows_of(sample / "balanced_train_segments.csv"))
    audio = tmp_path / "audio_dir"
    audio.mkdir()
    (audio / f"{listed[0]}.wav").write_bytes(b"RIFF and then nothing")
    (audio / f"{listed[1]}.flac").write_bytes(b"")
    (audio / f"{listed[2]}.wav").symlink_to(mirror / "deepship/Passengership/17.wav")
    (audio / f"{listed[3]}.wav").symlink_to(next((sample / "audio").glob("*.wav")))
    whole, rate = soundfile.read(audio / f"{listed[3]}.wav")
    for row, seconds in ((5, 3.0), (6, 8.9), (7, 9.1)):
        soundfile.write(audio / f"{listed[row]}.flac", whole[: round(seconds * rate)], rate)
    own = block(audio_dir=str(audio), checksums=True)
    folder = place(lists, tmp_path, **own["options"])
    table = build_manifest("audioset", folder, own, 0, tmp_path / "m.parquet", tmp_path / "x.csv")
    assert table.frame["clip_id"].tolist() == [listed[3], listed[7]]
    assert len(table.frame["sha256"].iloc[0]) == 64
    reasons = pd.read_csv(tmp_path / "x.csv").set_index("clip_id")["reason"]
    assert "cannot be decoded" in reasons[listed[0]]
    assert "cannot be decoded" in reasons[listed[1]]
    assert "lasts 26.0 s, its segment 10.0 s: it is not cut" in reasons[listed[2]]
    assert "lasts 3.0 s, its segment 10.0 s: it is cut short" in reasons[listed[5]]
    assert "lasts 8.9 s" in reasons[listed[6]]
    assert reasons[listed[4]] == "no file in the audio folder"


def test_clips_are_found_under_the_names_that_are_about(tmp_path):
    names = {
        "--PJHxphWEs.wav": "--PJHxphWEs",
        "Y--ZhevVpy1s.flac": "--ZhevVpy1s",
        "a/Yabcdefghij.mp3": "Yabcdefghij",
        "a/b/_bcdefghij-_30.000.ogg": "_bcdefghij-",
        "abcdefghijk_30000_40000.wav": "abcdefghijk",
        "Y0bcdefghijk_30.000_40.000.m4a": "0bcdefghijk",
        "zzzzzzzzzzz.webm": "zzzzzzzzzzz",
        "tooshort.wav": None,
        "abcdefghijkl.wav": None,
        "qqqqqqqqqqq.txt": None,
        ".hidden/hhhhhhhhhhh.wav": None,
    }
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert index_clips(tmp_path) == {ytid: name for name, ytid in names.items() if ytid}
    (tmp_path / "x--PJHxphWEs").mkdir()
    (tmp_path / "--PJHxphWEs.flac").touch()
    assert index_clips(tmp_path)["--PJHxphWEs"] == "--PJHxphWEs.flac", "wav before flac"


def test_links_to_parents_of_the_clips_lead_nowhere(tmp_path):
    (tmp_path / "z").mkdir()
    (tmp_path / "z/--PJHxphWEs.wav").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/all").symlink_to("..")
    assert index_clips(tmp_path) == {"--PJHxphWEs": "z/--PJHxphWEs.wav"}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ('abcdefghij, 0.000, 10.000, "/m/015p6"', "line 4: the row holds no YouTube id"),
        ('abcdefghijk, x, 10.000, "/m/015p6"', "line 4: the row has no valid start"),
        ('abcdefghijk, 10.000, 10.000, "/m/015p6"', "line 4: the row has no valid start"),
        ('abcdefghijk, 0.000, 10.000, "/m/nope"', r"line 4: label\(s\) '/m/nope'"),
        ("abcdefghijk, 0.000, 10.000", r"line 4: label\(s\) ''"),
        ('abcdefghijk, 0.000, 10.000, "/m/015p6", 7, 8', r"eval_segments\.csv"),
    ],
)
def test_wrong_rows_of_a_list_are_reported_by_file_and_line(lists, tmp_path, row, what):
    own = tmp_path / "lists" / "eval_segments.csv"
    own.parent.mkdir()
    own.write_text(f'{HEAD}{row}\nAbcdefghijk, 0.000, 10.000, "/m/015p6"\n')
    (tmp_path / "clips").mkdir()
    folder = place([own], tmp_path)
    (folder / "class_labels_indices.csv").write_bytes(lists[-1].read_bytes())
    with pytest.raises(UserError, match=what):
        list_clips(folder, block(), 0)


def test_a_clip_on_two_lists_is_refused(lists, tmp_path):
    own = tmp_path / "lists" / "eval_segments.csv"
    own.parent.mkdir()
    own.write_text(f'{HEAD}--AErD4Wx6c, 0.000, 10.000, "/m/015p6"\n')
    (tmp_path / "clips").mkdir()
    folder = place([own], tmp_path)
    for path in lists:
        if path.name != own.name:
            (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"--AErD4Wx6c is listed a second time"):
        list_clips(folder, block(), 0)


def test_a_list_that_was_cut_short_is_noticed(sample, tmp_path):
    lines = (sample / "eval_segments.csv").read_text().splitlines(keepends=True)
    (tmp_path / "eval_segments.csv").write_text("".join(lines[:1000]))
    with pytest.raises(UserError, match="promises 20371 segments, it holds 997"):
        read_segments(tmp_path / "eval_segments.csv")
    assert len(read_segments(sample / "eval_segments.csv")) == 20371


def test_without_audio_the_message_says_what_to_do(lists, tmp_path):
    with pytest.raises(UserError, match=r"options\.audio_dir.*options\.fetch"):
        place(lists, tmp_path)


YT_DLP = """#!{python}
import json, os, shutil, sys, time
from pathlib import Path
out, ytid = Path(sys.argv[sys.argv.index("--output") + 1]), sys.argv[-1].split("=")[1]
with open({calls!r}, "a") as stream:
    stream.write(json.dumps(sys.argv[1:]) + "\\n")
says = json.loads(Path({says!r}).read_text()).get(ytid, "")
if says == "KILL":
    out.with_name(ytid + ".webm.part").write_bytes(b"half")
    os.kill(os.getppid(), 9)
    sys.exit(9)
if says == "JUNK":
    out.with_name(ytid + ".flac").write_bytes(b"no audio")
elif says and says != "SHORT":
    print("WARNING: something\\nERROR: [youtube] " + ytid + ": " + says, file=sys.stderr)
    sys.exit(1)
else:
    import soundfile
    clips = sorted(Path({clips!r}).glob("*.wav"))
    samples, rate = soundfile.read(clips[len(ytid.strip("-")) % len(clips)])
    samples = samples[: 2 * rate] if says else samples
    soundfile.write(out.with_name(ytid + ".flac"), samples, rate)
"""


@pytest.fixture
def youtube(sample, tmp_path, monkeypatch):
    """A yt-dlp on PATH that gives a real clip, or fails as the real one does: `says[ytid]`."""
    programs, calls, says = tmp_path / "bin", tmp_path / "calls", tmp_path / "says.json"
    programs.mkdir()
    text = YT_DLP.format(
        python=sys.executable, calls=str(calls), says=str(says), clips=str(sample / "audio")
    )
    for name in ("yt-dlp", "ffmpeg"):
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    class YouTube:
        def says(self, **answers):
            says.write_text(json.dumps(answers))

        @property
        def calls(self):
            lines = calls.read_text().splitlines() if calls.exists() else []
            return [json.loads(line) for line in lines]

        @property
        def asked(self):
            return [call[-1].split("=")[1] for call in self.calls]

    site = YouTube()
    site.says()
    return site


@pytest.fixture
def short_list(tmp_path):
    """Ten segments, id0 to id9."""
    folder = tmp_path / "archives"
    folder.mkdir()
    path = folder / "eval_segments.csv"
    rows = [f'-aaaaaaaid{i}, {i}.000, {i + 10}.000, "/m/015p6"\n' for i in range(10)]
    path.write_text(HEAD + "".join(rows))
    return path


IDS = [f"-aaaaaaaid{i}" for i in range(10)]


def read_record(path):
    return pd.read_csv(path, keep_default_na=False).set_index("clip_id")["reason"].to_dict()


def test_shards_share_the_clips_out_and_reach_the_manifest(youtube, short_list, lists, tmp_path):
    gone = {"-aaaaaaaid3": "Private video. Sign in if you've been granted access to this video"}
    youtube.says(**gone)
    records = [tmp_path / "fetched" / f"{shard}-of-3.csv" for shard in (1, 2, 3)]
    for shard, record in enumerate(records, start=1):
        fetch_shard([short_list], tmp_path / "clips", shard, 3, record, ["--cookies", "jar.txt"])
    assert sorted(youtube.asked) == IDS
    assert [len(read_record(record)) for record in records] == [4, 3, 3]
    folder = place([short_list, *records], tmp_path)
    (folder / "class_labels_indices.csv").write_bytes(lists[-1].read_bytes())
    table = list_clips(folder, block(), 0)
    assert table.frame["clip_id"].tolist() == [ytid for ytid in IDS if ytid not in gone]
    assert table.missing.to_dict("records") == [
        {
            "clip_id": "-aaaaaaaid3",
            "split": "eval",
            "reason": f"[youtube] -aaaaaaaid3: {gone['-aaaaaaaid3']}",
        }
    ]
    call = next(call for call in youtube.calls if call[-1].endswith("id7"))
    assert "*7.000-17.000" in call
    assert call[call.index("--cookies") : -2] == ["--cookies", "jar.txt"]


def test_a_shard_killed_in_the_middle_goes_on_where_it_was(youtube, short_list, tmp_path):
    youtube.says(**{"-aaaaaaaid1": "Video unavailable", "-aaaaaaaid4": "KILL"})
    record = tmp_path / "1-of-1.csv"
    pid = os.fork()
    if pid == 0:
        fetch_shard([short_list], tmp_path / "clips", 1, 1, record)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    assert not record.exists()
    assert set(index_clips(tmp_path / "clips")) == {IDS[0], IDS[2], IDS[3]}
    youtube.says()
    with (tmp_path / "clips/.fetch/00001-of-00001.csv").open("a") as journal:
        journal.write("-aaaaaaaid9,cut off in the mid")
    before = len(youtube.asked)
    fetch_shard([short_list], tmp_path / "clips", 1, 1, record)
    assert youtube.asked[before:] == IDS[4:]
    reasons = read_record(record)
    assert [ytid for ytid in IDS if reasons[ytid]] == ["-aaaaaaaid1"]
    assert not list((tmp_path / "clips").rglob("*.part*"))


def test_failures_of_the_network_are_asked_again_but_not_remembered(youtube, short_list, tmp_path):
    failing = {
        "-aaaaaaaid2": "Unable to download webpage: timed out",
        "-aaaaaaaid5": "JUNK",
        "-aaaaaaaid7": "SHORT",
    }
    youtube.says(**failing)
    fetch_shard([short_list], tmp_path / "clips", 1, 1, tmp_path / "1.csv")
    assert Counter(youtube.asked) == Counter(IDS) + Counter(failing.keys())
    reasons = read_record(tmp_path / "1.csv")
    assert "timed out" in reasons["-aaaaaaaid2"]
    assert "cannot be decoded" in reasons["-aaaaaaaid5"]
    assert "lasts 2.0 s, its segment 10.0 s" in reasons["-aaaaaaaid7"]
    youtube.says()
    fetch_shard([short_list], tmp_path / "clips", 1, 1, tmp_path / "2.csv")
    assert set(read_record(tmp_path / "2.csv").values()) == {""}


@pytest.mark.parametrize(
    ("says", "asked"),
    [("Unable to resolve host", 4), ("Sign in to confirm you’re not a bot. Use --cookies", 1)],
)
def test_a_dead_network_or_a_refusing_site_stops_the_shard(
    youtube, short_list, tmp_path, monkeypatch, says, asked
):
    monkeypatch.setattr(audioset_fetch, "_FAILURES_IN_A_ROW", 4)
    youtube.says(**dict.fromkeys(IDS, says))
    with pytest.raises(UserError, match=r"fetching stopped.*yt_dlp_args"):
        fetch_shard([short_list], tmp_path / "clips", 1, 1, tmp_path / "1.csv")
    assert len(youtube.asked) == asked
    assert not (tmp_path / "1.csv").exists()


def test_missing_programs_are_named(short_list, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"needs the program yt-dlp.*pip install yt-dlp"):
        fetch_shard([short_list], tmp_path / "clips", 1, 1, tmp_path / "1.csv")

"""DCASE2013 scenes, from an archive of the official layout made of real audio."""

import zipfile
from collections import Counter
from io import BytesIO

import pytest
import soundfile

from vipann.datasets.adapters.dcase2013 import CLASSES, list_clips
from vipann.datasets.archives import unpack
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

BLOCK = {"task": "multiclass", "clip_seconds": 30.0, "folds": 5, "padding": "zero"}
NAMES = [f"{label}{number:02d}.wav" for label in CLASSES for number in range(1, 11)]


@pytest.fixture(scope="module")
def wavs(mirror):
    """A hundred different short stereo pieces of real recordings."""
    pieces = []
    for path in sorted((mirror / "audioset-sample/audio").glob("*.wav")):
        with soundfile.SoundFile(path) as stream:
            rate = stream.samplerate
            for _ in range(15):
                piece = stream.read(rate // 10, always_2d=True)[:, [0, -1]]
                packed = BytesIO()
                soundfile.write(packed, piece, rate, format="WAV")
                pieces.append(packed.getvalue())
    return dict(zip(NAMES, pieces, strict=False))


@pytest.fixture
def placed(wavs, tmp_path):
    def place(names=NAMES, extra=()):
        archive = tmp_path / "scenes_stereo.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for name in names:
                packed.writestr(f"scenes_stereo/{name}", wavs[name])
            for name in extra:
                packed.writestr(name, wavs["bus01.wav"])
        unpack(archive, tmp_path / "audio")
        return tmp_path / "audio"

    return place


def test_the_official_layout(placed, tmp_path, wavs):
    folder = placed(extra=["__MACOSX/scenes_stereo/._bus01.wav", "scenes_stereo/readme.txt"])
    table = build_manifest("dcase2013", folder, BLOCK, 0, tmp_path / "m.parquet")
    frame = table.frame
    assert (len(frame), len(table.classes)) == (100, 10)
    assert frame["sha256"].nunique() == 100
    for row in frame.to_dict("records"):
        assert row["clip_id"] == f"{row['labels'][0]}{row['clip_id'][-2:]}"
        assert row["path"] == f"scenes_stereo/{row['clip_id']}.wav"
    counts = Counter((row.fold, row.labels[0]) for row in frame.itertuples())
    assert counts == {(fold, label): 2 for fold in range(1, 6) for label in CLASSES}


def test_folds_depend_on_nothing_but_the_names(placed):
    folder = placed()
    folds = [list_clips(folder, BLOCK, seed).frame.set_index("clip_id")["fold"] for seed in (0, 1)]
    assert folds[0].equals(folds[1])
    assert folds[0][["tube01", "tube05", "tube06", "tube10"]].tolist() == [1, 5, 1, 5]


def test_missing_foreign_and_doubled_clips_are_named(placed):
    with pytest.raises(UserError, match=r"1 of the 100 clips.*missing, first tube07\.wav"):
        list_clips(placed([name for name in NAMES if name != "tube07.wav"]), BLOCK, 0)
    with pytest.raises(UserError, match=r"car01\.wav is none of the official clips"):
        list_clips(placed(extra=["scenes_stereo/car01.wav"]), BLOCK, 0)


def test_a_second_file_of_a_name_is_refused(placed):
    with pytest.raises(UserError, match=r"bus01\.wav: there is a second bus01\.wav"):
        list_clips(placed(extra=["more/bus01.wav"]), BLOCK, 0)


def test_clips_behind_links_are_found_once(placed, tmp_path):
    folder = placed()
    (folder / "scenes_stereo").rename(tmp_path / "store")
    (folder / "scenes").symlink_to("../store")
    (tmp_path / "store/all").symlink_to("..")
    paths = list_clips(folder, BLOCK, 0).frame["path"]
    assert paths.str.fullmatch(r"scenes/[a-z]+[0-9]{2}\.wav").all()
    assert len(paths) == 100


def test_folds_are_needed(placed):
    with pytest.raises(UserError, match="`folds` is 0"):
        list_clips(placed(), BLOCK | {"folds": 0}, 0)

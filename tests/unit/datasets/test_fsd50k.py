"""FSD50K, from archives of the official layout, in parts, made of real audio."""

import shutil
import subprocess
import zipfile

import pytest
import soundfile

from vipann.datasets.adapters.fsd50k import class_ids, list_clips, place_audio
from vipann.datasets.building import build_manifest
from vipann.datasets.ontology import read_ontology
from vipann.errors import UserError

BLOCK = {"task": "multilabel", "clip_seconds": 1.0, "folds": 0, "padding": "zero"}
# As in the official tables; numbers are those of clips on Freesound.
VOCABULARY = """0,Animal,/m/0jbk
1,Bird,/m/015p6
2,Bird_vocalization_and_bird_call_and_bird_song,/m/020bb7
3,Human_voice,/m/09l8g
4,Speech,/m/09x0r
"""
DEV = """fname,labels,mids,split
64760,"Bird,Animal","/m/015p6,/m/0jbk",train
21914,"Bird_vocalization_and_bird_call_and_bird_song,Bird,Animal","/m/020bb7,/m/015p6,/m/0jbk",train
345111,"Speech,Human_voice","/m/09x0r,/m/09l8g",val
"""
EVAL = """fname,labels,mids
37199,Bird,/m/015p6
865,"Speech,Human_voice,Bird","/m/09x0r,/m/09l8g,/m/015p6"
"""
CLIPS = {"dev": ["64760", "21914", "345111"], "eval": ["37199", "865"]}


@pytest.fixture(scope="module")
def recordings(mirror, tmp_path_factory):
    """Five pieces of real recordings, mono, 16 bit, 0.6 to 1.4 s."""
    folder = tmp_path_factory.mktemp("pieces")
    sources = sorted((mirror / "audioset-sample/audio").glob("*.wav"))
    for n, name in enumerate([*CLIPS["dev"], *CLIPS["eval"]]):
        data, rate = soundfile.read(sources[n], always_2d=True)
        piece = data[: int(rate * (0.6 + 0.2 * n)), 0]
        soundfile.write(folder / f"{name}.wav", piece, rate, subtype="PCM_16")
    return folder


@pytest.fixture
def archives(recordings, tmp_path):
    def make(dev=DEV, evaluated=EVAL, vocabulary=VOCABULARY, left_out=""):
        for kind, names in CLIPS.items():
            folder = tmp_path / f"FSD50K.{kind}_audio"
            folder.mkdir()
            for name in set(names) - {left_out}:
                shutil.copy(recordings / f"{name}.wav", folder)
            # 64 KiB is the least of a part.
            command = ["zip", "-q", "-r", "-s", "64k", f"{folder.name}.zip", folder.name]
            subprocess.run(command, cwd=tmp_path, check=True)
        tables = {"dev.csv": dev, "eval.csv": evaluated, "vocabulary.csv": vocabulary}
        with zipfile.ZipFile(tmp_path / "FSD50K.ground_truth.zip", "w") as packed:
            for name, text in tables.items():
                packed.writestr(f"FSD50K.ground_truth/{name}", text)
        return sorted(tmp_path.glob("*.z*"))

    if not shutil.which("zip"):
        pytest.skip("Info-ZIP's zip is not installed")
    return make


def test_the_official_layout(archives, tmp_path):
    found = archives()
    assert "FSD50K.dev_audio.z01" in [path.name for path in found]
    folder = tmp_path / "audio"
    place_audio(found, folder, BLOCK, None)
    table = build_manifest("fsd50k", folder, BLOCK, 0, tmp_path / "m.parquet")
    frame = table.frame.set_index("clip_id")
    assert list(frame.index) == ["64760", "21914", "345111", "37199", "865"]
    assert frame["split"].tolist() == ["train", "train", "val", "eval", "eval"]
    assert frame["path"]["865"] == "FSD50K.eval_audio/865.wav"
    assert frame["labels"]["865"] == ["Speech", "Human_voice", "Bird"]
    assert frame["recording"]["64760"] == "freesound:64760"
    assert frame["duration_s"].tolist() == pytest.approx([0.6, 0.8, 1.0, 1.0, 1.0], abs=1e-3)
    assert table.classes == [line.split(",")[1] for line in VOCABULARY.splitlines()]


def test_classes_lie_in_the_ontology(archives, tmp_path, mirror):
    folder = tmp_path / "audio"
    place_audio(archives(), folder, BLOCK, None)
    ids = class_ids(folder)
    ontology = read_ontology(mirror / "audioset-sample/ontology.json")
    entries = ontology.ids_of(list(ids), ids)
    assert entries == list(ids.values())
    # Human voice is abstract in the ontology, and a class here.
    pairs = ontology.related(entries, "ancestor")
    assert pairs.astype(int).tolist() == [
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0],
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dev": DEV.replace(",val", ",test")}, r"dev\.csv, line 4: split 'test' is neither"),
        ({"evaluated": EVAL + "865,Bird,/m/015p6\n"}, r"eval\.csv, line 4: 865 is listed before"),
        ({"evaluated": EVAL + "x.wav,Bird,/m/015p6\n"}, r"eval\.csv, line 4: fname 'x\.wav' is"),
        (
            {"evaluated": EVAL.replace("Bird,/m/015p6", "Bird,/m/0jbk")},
            r"eval\.csv, line 2: labels 'Bird' and mids '/m/0jbk' are not as in vocabulary",
        ),
        ({"evaluated": EVAL + "1,Owl,/m/09d5_\n"}, r"eval\.csv, line 4: labels 'Owl'"),
        ({"vocabulary": VOCABULARY + "6,Owl,/m/09d5_\n"}, r"vocabulary\.csv, line 6: index 6"),
        ({"vocabulary": VOCABULARY + "5,Owl,/m/0jbk\n"}, r"line 6: mid /m/0jbk comes twice"),
        ({"left_out": "345111"}, r"345111\.wav"),
    ],
)
def test_faults_are_named(archives, tmp_path, changed, message):
    place_audio(archives(**changed), tmp_path / "audio", BLOCK, None)
    with pytest.raises(UserError, match=message):
        list_clips(tmp_path / "audio", BLOCK, 0)

"""The command line: what it prints, what it refuses, and that it needs no Snakemake."""

import re
import subprocess
import sys
from io import StringIO

import pandas as pd
import pytest
from finished_run import checkout_first, make_run, noise, write_wav

from vipann.cli.main import COMMANDS, main
from vipann.survey.tags import lines_of
from vipann.survey.windows import read_survey

# A stand-in for an environment without the extra `workflow`: whoever imports it fails.
WITHOUT_SNAKEMAKE = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("snakemake", "papermill", "nbconvert", "jupyter", "IPython"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
from vipann.cli.main import COMMANDS, main

raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run, its model and a recording."""
    folder = tmp_path_factory.mktemp("place")
    make_run(folder / "run")
    assert main(["export", str(folder / "run"), str(folder / "model")]) == 0
    write_wav(folder / "dive.wav", noise(2.5))
    return folder


def test_a_recording_is_tagged_without_snakemake(place):
    command = [sys.executable, "-c", WITHOUT_SNAKEMAKE, "tag", str(place / "model")]
    command += [str(place / "dive.wav"), "--top", "2", "--csv", "--accelerator", "cpu"]
    said = subprocess.run(command, capture_output=True, text=True, env=checkout_first())
    assert said.returncode == 0, said.stderr
    tags = pd.read_csv(StringIO(said.stdout))
    assert tags.columns.tolist() == [
        *("recording", "start", "end", "class", "probability", "calibrated_probability"),
        *("total", "aleatoric", "epistemic"),
    ]
    assert tags["start"].tolist() == [0, 0, 1, 1, 1.5, 1.5]
    assert tags["end"].max() == 2.5
    both = tags["probability"].to_numpy().reshape(3, 2)
    assert (both[:, 0] >= both[:, 1]).all()
    assert (tags["class"].to_numpy().reshape(3, 2)[:, 0] != tags["class"][1::2]).all()


def test_tags_are_those_of_the_survey_of_the_same_recording(place, tmp_path, capsys):
    scoring = ["--accelerator", "cpu", "--hop-seconds", "0.5", "--mc-samples", "2"]
    survey = ["survey", str(place / "model"), str(place / "dive.wav"), "--out", str(tmp_path)]
    assert main([*survey, "--no-results", *scoring]) == 0
    assert "1 recordings scored (0.00 h), 0 were already" in capsys.readouterr().out
    tag = ["tag", str(place / "model"), str(place / "dive.wav"), "--csv", "--top", "9"]
    assert main([*tag, *scoring]) == 0
    tags = pd.read_csv(StringIO(capsys.readouterr().out))
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]
    windows = read_survey(tmp_path).windows
    assert len(tags) == 3 * len(windows) == 12
    for name in ("dog", "rain", "siren"):
        found = tags[tags["class"] == name]["probability"].tolist()
        assert found == pytest.approx(windows[f"probability:{name}"].tolist(), abs=1e-6)


def tags_on_a_terminal(place, monkeypatch, capsys, width):
    """The lines of `vipann tag` for a recording of three windows."""
    monkeypatch.setenv("COLUMNS", str(width))
    tag = ["tag", str(place / "model"), str(place / "dive.wav"), "--accelerator", "cpu"]
    assert main([*tag, "--mc-samples", "2"]) == 0
    return capsys.readouterr().out.splitlines()


def test_tags_say_what_their_numbers_are(place, monkeypatch, capsys):
    heading, head, *lines = tags_on_a_terminal(place, monkeypatch, capsys, 80)
    assert heading == "dive.wav"
    assert head.split() == [
        *("start", "end", "total", "aleat.", "epist.", "probability", "(calibrated)")
    ]
    legend = " ".join(lines[9:])
    for words in ("with such a score", "ambiguous in the sound (aleatoric)", "(epistemic)"):
        assert words in legend


@pytest.mark.parametrize("width", [20, 34, 55, 80, 200])
def test_tags_fit_the_terminal_and_stand_below_each_other(place, monkeypatch, capsys, width):
    lines = tags_on_a_terminal(place, monkeypatch, capsys, width)
    assert max(map(len, lines)) <= width
    wide = width == 200
    table = lines[2 : 2 + (3 if wide else 9)]
    starts = [line.split()[0] for line in table if line[:5].strip()]
    assert starts == ["0.000", "1.000", "1.500"]
    if width == 20:  # not even one class with its numbers has room
        return
    scores = [re.findall(r"0\.\d\d \(0\.\d\d\)", line) for line in table]
    assert [len(found) for found in scores] == ([3] * 3 if wide else [1] * 9)
    places = {tuple(hit.start() for hit in re.finditer(r"0\.\d\d \(", line)) for line in table}
    assert len(places) == 1
    assert ("epist." in lines[1]) == (width >= 55)
    for sound in ("dog", "rain", "siren"):
        assert "\n".join(table).count(sound) == 3


def test_a_long_name_is_shortened_where_it_has_no_room():
    tags = pd.DataFrame(
        {
            "recording": "a" * 99 + ".wav",
            "start": [0.0, 0.0],
            "end": [5.0, 5.0],
            "class": ["great spotted woodpecker, drumming on a hollow birch", "wren"],
            "probability": [0.9, 0.1],
            "calibrated_probability": [0.8, 0.2],
            **dict.fromkeys(("total", "aleatoric", "epistemic"), 0.1),
        }
    )
    heading, _, first, second, *_ = lines_of(tags, 80)
    assert (len(heading), len(first)) == (80, 80)
    assert "great spotted woodpecker" in first
    assert first.endswith("\u2026 0.90 (0.80)")
    assert second.split() == ["wren", "0.10", "(0.20)"]


def test_export_says_what_it_does(tmp_path, capsys):
    make_run(tmp_path / "run")
    assert main(["export", str(tmp_path / "run"), str(tmp_path / "model")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[:3]] == ["reading", "copying", "out-of-distribution"]
    assert "2 networks of scenes det_flip fixed" in said[0]
    assert "24 held-out clips" in said[2]
    assert "2 of 2 networks" in said[3]
    assert "with their intervals" in said[4]
    assert said[5:] == [f"{tmp_path / 'model'}: 2 networks, 3 classes"]


def test_a_fault_of_the_system_is_one_line_with_and_without_a_file(monkeypatch, capsys):
    for error, words in (
        (OSError(28, "No space left on device"), "error: No space left on device\n"),
        (
            OSError(28, "No space left on device", "x.wav"),
            "error: x.wav: No space left on device\n",
        ),
    ):

        def fail(options, error=error):
            raise error

        monkeypatch.setattr(COMMANDS["info"], "run", fail)
        assert main(["info", "model"]) == 1
        assert capsys.readouterr().err == words


def test_info_shows_the_card_and_notices_other_weights(place, tmp_path, capsys):
    assert main(["info", str(place / "model")]) == 0
    said = capsys.readouterr().out
    assert "## Scores on held-out clips" in said
    assert "dog, rain, siren" in said
    make_run(tmp_path / "run")
    assert main(["export", str(tmp_path / "run"), str(tmp_path / "model")]) == 0
    first, second = (tmp_path / "model/weights" / f"fold{n}.safetensors" for n in (1, 2))
    second.write_bytes(first.read_bytes())
    capsys.readouterr()
    assert main(["info", str(tmp_path / "model")]) == 1
    assert "are not those of its README.md" in capsys.readouterr().err


def test_what_goes_wrong_is_one_line_and_a_status(place, tmp_path, capsys):
    wrong = {
        "no model folder": ["tag", str(tmp_path), str(place / "dive.wav")],
        "does not exist": ["tag", str(place / "model"), str(tmp_path / "lost.wav")],
        "--top": ["tag", str(place / "model"), str(place / "dive.wav"), "--top", "0"],
        "--shard-hours": [
            *("survey", str(place / "model"), str(place / "dive.wav")),
            *("--out", str(tmp_path / "out"), "--shard-hours", "0"),
        ],
        "--workers": ["tag", str(place / "model"), str(place / "dive.wav"), "--workers", "0"],
        "holds the recordings": [
            *("survey", str(place / "model"), str(place), "--out", str(place)),
        ],
        "no trained networks": ["export", str(tmp_path), str(tmp_path / "model")],
    }
    for words, arguments in wrong.items():
        assert main(arguments) == 1
        said = capsys.readouterr()
        assert said.err.startswith("error: ")
        assert words in said.err
        assert (said.out, said.err.count("\n")) == ("", 1)
    (tmp_path / "file").touch()
    survey = ["survey", str(place / "model"), str(place / "dive.wav"), "--out"]
    assert main([*survey, str(tmp_path / "file/out")]) == 1
    assert "Not a directory" in capsys.readouterr().err
    (tmp_path / "noise.wav").write_bytes(b"no sound")
    assert main(["tag", str(place / "model"), str(tmp_path / "noise.wav")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("not heard in full: noise.wav: ")
    assert said[1] == "error: nothing could be heard in these recordings."
    with pytest.raises(SystemExit, match="2"):
        main(["tagg"])


def test_each_command_explains_itself_with_examples(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        said = capsys.readouterr().out
        assert f"vipann {command} " in said.partition("examples:")[2]
        assert "exit status" in said

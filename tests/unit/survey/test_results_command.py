"""`vipann results` after `vipann survey`, as a user calls them."""

import pandas as pd
import pytest
from finished_run import make_run, noise, write_wav

from vipann.cli.main import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model, recordings that bear times, and their survey."""
    folder = tmp_path_factory.mktemp("place")
    make_run(folder / "run")
    assert main(["export", str(folder / "run"), str(folder / "model")]) == 0
    for hour in range(3):
        write_wav(folder / f"sounds/20230115_0{hour}0000.wav", noise(4, seed=hour))
    write_wav(folder / "sounds/20231315_000000.wav", noise(4, seed=9))
    assert survey(folder, "sounds", "season", "--no-results") == 0
    return folder


def survey(place, sounds, out, *more):
    scoring = ["--accelerator", "cpu", "--mc-samples", "2", "--out", str(place / out)]
    return main(["survey", str(place / "model"), str(place / sounds), *scoring, *map(str, more)])


def results(place, *more):
    names = ("season", "model", "sounds")
    return main(["results", *(str(place / name) for name in names), *map(str, more)])


def test_a_survey_has_results_and_a_review(place, tmp_path, capsys):
    wanted = ("--threshold", "dog=0", "--clips", 4, "--audit", 5, "--orders", "epistemic,total")
    assert results(place, "--out", tmp_path, "--time-zone", "Europe/Oslo", *wanted) == 0
    said = capsys.readouterr()
    assert "20231315_000000.wav" in said.err
    assert "is no time" in said.err
    assert str(tmp_path / "review/review.html") in said.out
    events = pd.read_csv(tmp_path / "events.csv")
    dogs = events[events["class"] == "dog"]
    # Every window is a dog, and those of a recording touch.
    assert dogs["end_seconds"].tolist() == [4] * 4
    assert dogs["time"].tolist()[0] == "2023-01-15T00:00:00.000+01:00"
    windows = pd.read_parquet(tmp_path / "review/windows.parquet")
    assert windows["order"].value_counts().to_dict() == {"audit": 5, "epistemic": 2, "total": 2}
    counts = pd.read_csv(tmp_path / "counts_per_hour.csv")
    assert counts["start"].nunique() == 3


def test_without_recordings_there_are_events_and_no_review(place, tmp_path, capsys):
    arguments = ["results", str(place / "season"), str(place / "model"), "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "review" not in capsys.readouterr().out
    assert (tmp_path / "events.csv").exists()
    assert not (tmp_path / "review").exists()


def test_a_survey_ends_with_its_results_and_never_hears_its_own_clips(place, capsys):
    inside = "sounds/season"
    assert survey(place, "sounds", inside, "--threshold", "dog=0", "--time-zone", "Asia/Tokyo") == 0
    said = capsys.readouterr().out
    assert "4 recordings scored" in said
    assert "review.html in a browser" in said
    events = pd.read_csv(place / inside / "events.csv")
    assert (events["class"] == "dog").sum() == 4
    assert events["time"].dropna().str.endswith("+09:00").all()
    assert list((place / inside / "review/clips").glob("*.flac"))
    never = [f"{name}=1" for name in ("dog", "rain", "siren")]
    again = [word for one in never for word in ("--threshold", one)]
    assert survey(place, "sounds", inside, *again) == 0
    assert "0 recordings scored (0.00 h), 4 were already" in capsys.readouterr().out
    assert pd.read_csv(place / inside / "events.csv").empty
    assert not list((place / inside / "raven").rglob("*.txt"))


def test_a_season_of_which_nothing_is_heard_is_an_error(place, tmp_path, capsys):
    (tmp_path / "20230115_000000.wav").write_bytes(b"no sound")
    assert survey(place, tmp_path, tmp_path / "season") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: no recording of ")
    assert "20230115_000000.wav: " in said
    assert not (tmp_path / "season/events.csv").exists()


def test_results_by_another_model_are_refused(place, tmp_path, capsys):
    make_run(tmp_path / "run", strategy="drop")
    assert main(["export", str(tmp_path / "run"), str(tmp_path / "other")]) == 0
    arguments = [str(place / "season"), str(tmp_path / "other"), "--out", str(tmp_path / "out")]
    assert main(["results", *arguments]) == 1
    assert "is another" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_goes_wrong_is_one_line(place, tmp_path, capsys):
    (tmp_path / "starts.csv").write_text("recording,started_at\nx.wav,2023-01-15\n")
    wrong = {
        "no class 'cat'": ("--threshold", "cat=0.5"),
        "write it as a class and a share": ("--threshold", "dog"),
        "time_zone is 'Oslo'": ("--time-zone", "Oslo"),
        "wished_precision: 1.5": ("--wished-precision", "1.5"),
        "gap_seconds: -1": ("--gap-seconds", "-1"),
        "least_windows: 0": ("--least-windows", "0"),
        "review.name: '../raven'": ("--review", "../raven"),
        "review.orders: 'loud'": ("--orders", "loud"),
        "line 2: there is no recording 'x.wav'": ("--starts", tmp_path / "starts.csv"),
        "counts_by is audit": ("--counts-by", "audit", "--review", "second"),
    }
    for words, arguments in wrong.items():
        assert results(place, "--out", tmp_path / "out", *arguments) == 1
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
        assert len(errors) == 1
        assert words in errors[0]

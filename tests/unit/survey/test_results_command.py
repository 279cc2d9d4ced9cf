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
    scoring = ["--accelerator", "cpu", "--mc-samples", "2", "--out", str(folder / "season")]
    assert main(["survey", str(folder / "model"), str(folder / "sounds"), *scoring]) == 0
    return folder


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


def test_what_goes_wrong_is_one_line(place, tmp_path, capsys):
    (tmp_path / "starts.csv").write_text("recording,started_at\nx.wav,2023-01-15\n")
    wrong = {
        "no class 'cat'": ("--threshold", "cat=0.5"),
        "write it as a class and a share": ("--threshold", "dog"),
        "time_zone is 'Oslo'": ("--time-zone", "Oslo"),
        "review.orders: 'loud'": ("--orders", "loud"),
        "line 2: there is no recording 'x.wav'": ("--starts", tmp_path / "starts.csv"),
        "counts_by is audit": ("--counts-by", "audit", "--review", "second"),
    }
    for words, arguments in wrong.items():
        assert results(place, "--out", tmp_path / "out", *arguments) == 1
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
        assert len(errors) == 1
        assert words in errors[0]

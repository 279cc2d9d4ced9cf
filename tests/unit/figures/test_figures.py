"""Figures: what the csv beside each image says, and what a run that lacks something gets."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from vipann.errors import UserError
from vipann.figures.boxplot import box_statistics, draw_boxplot
from vipann.figures.retention import draw_retention, retention_lines
from vipann.figures.style import IMAGE_SUFFIXES, PALETTE, style_from

KINDS = ("total", "aleatoric", "epistemic")
MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def write_retention(path, strategies=("flip", "drop", "det"), phases=("fixed", "finetuned")):
    """Accuracy of replication r at fraction f: f / 2 + r^2 / 1000, so mean and median differ."""
    rows = [
        ("scenes", strategy, phase, kind, r, f, "accuracy", f / 2 + r**2 / 1000)
        for strategy in strategies
        for phase in phases
        for kind in KINDS
        for r in range(1 if strategy == "det" else 20)
        for f in (0.1, 0.5, 1.0)
    ]
    names = [
        "dataset",
        "strategy",
        "phase",
        "uncertainty",
        "replication",
        "retained_fraction",
        "score",
        "value",
    ]
    pd.DataFrame(rows, columns=names).to_parquet(path)
    return path


def write_uncertainty(path, strategies=("flip", "drop", "det"), phases=("fixed", "finetuned")):
    """Own clips: 0, 1, .., 8, and one outlier; clips of another set: 10, 20, 30."""
    rows = [
        ("scenes", scored, strategy, phase, 1 + i % 2, f"{scored}{i}", kind, float(value))
        for strategy in strategies
        for phase in phases
        for kind in KINDS
        for scored, values in (("ships", [10, 20, 30]), ("scenes", [*range(9), 100]))
        for i, value in enumerate(values)
    ]
    names = [
        "dataset",
        "scored_dataset",
        "strategy",
        "phase",
        "fold",
        "clip_id",
        "uncertainty",
        "value",
    ]
    pd.DataFrame(rows, columns=names).to_parquet(path)
    return path


def outputs(folder):
    return {kind: folder / f"figure.{kind}" for kind in (*IMAGE_SUFFIXES, "csv")}


def assert_drawn(files):
    for suffix, magic in MAGIC.items():
        assert files[suffix].read_bytes().startswith(magic)
    assert len(list(files["csv"].parent.glob("figure.*"))) == 4
    assert not list(files["csv"].parent.glob(".*"))


def test_the_retention_csv_holds_mean_and_percentiles(tmp_path):
    source, files = write_retention(tmp_path / "r.parquet"), outputs(tmp_path / "out")
    draw_retention(source, files)
    assert_drawn(files)
    lines = pd.read_csv(files["csv"]).set_index(
        ["phase", "strategy", "uncertainty", "retained_fraction"]
    )
    assert lines.index.is_unique
    point = lines.loc[("fixed", "flip", "epistemic", 0.5)]
    values = [0.25 + r**2 / 1000 for r in range(20)]
    assert point["mean"] == pytest.approx(sum(values) / 20)
    # Linear interpolation between order statistics: position 0.025 * 19 = 0.475.
    assert point["low"] == pytest.approx(values[0] + 0.475 * (values[1] - values[0]))
    assert point["high"] == pytest.approx(values[19] - 0.475 * (values[19] - values[18]))
    assert point["low"] == pytest.approx(np.percentile(values, 2.5))
    assert point["replications"] == 20


def test_det_has_a_line_without_band_and_none_in_the_epistemic_panel(tmp_path):
    lines = retention_lines(pd.read_parquet(write_retention(tmp_path / "r.parquet")))
    det = lines[lines["strategy"] == "det"]
    assert set(det["uncertainty"]) == {"total", "aleatoric"}
    assert (det["low"] == det["high"]).all()
    assert set(lines[lines["strategy"] == "flip"]["uncertainty"]) == set(KINDS)


def test_panels_come_in_the_papers_order(tmp_path):
    path = write_retention(tmp_path / "r.parquet", phases=("scratch", "fixed", "finetuned"))
    lines = retention_lines(pd.read_parquet(path))
    assert list(dict.fromkeys(lines["phase"])) == ["finetuned", "fixed"]
    assert list(dict.fromkeys(lines["uncertainty"])) == ["total", "epistemic", "aleatoric"]
    for _, line in lines.groupby(["phase", "strategy", "uncertainty"]):
        assert line["retained_fraction"].is_monotonic_increasing


def test_the_order_of_rows_has_no_influence_on_the_lines(tmp_path):
    frame = pd.read_parquet(write_retention(tmp_path / "r.parquet"))
    pd.testing.assert_frame_equal(
        retention_lines(frame), retention_lines(frame.sample(frac=1, random_state=1))
    )


def test_the_boxplot_csv_holds_the_planted_boxes(tmp_path):
    source, files = write_uncertainty(tmp_path / "u.parquet"), outputs(tmp_path / "out")
    draw_boxplot(source, files)
    assert_drawn(files)
    boxes = pd.read_csv(files["csv"])
    assert set(boxes["phase"]) == {"finetuned"}
    assert list(dict.fromkeys(boxes["strategy"])) == ["drop", "flip"]
    assert boxes["scored_dataset"].tolist() == ["scenes", "ships"] * 6
    own, other = boxes.iloc[0], boxes.iloc[1]
    values = [*range(9), 100]
    assert own["clips"] == 10
    assert own["mean"] == pytest.approx(13.6)
    assert own["median"] == pytest.approx(4.5)
    assert [own["q1"], own["q3"]] == pytest.approx(np.percentile(values, [25, 75]))
    # The outlier lies beyond 1.5 times the box, so the whisker ends at 8.
    assert [own["whisker_low"], own["whisker_high"]] == [0, 8]
    assert [other["median"], other["mean"], other["whisker_high"]] == [20, 20, 30]


def test_a_run_without_finetuning_shows_the_phase_it_has(tmp_path):
    for phase in ("pretrained", "fixed", "scratch"):
        frame = pd.read_parquet(write_uncertainty(tmp_path / "u.parquet", phases=(phase,)))
        assert set(box_statistics(frame)["phase"]) == {phase}
    both = pd.read_parquet(write_uncertainty(tmp_path / "u.parquet"))
    assert set(box_statistics(both, phase="fixed")["phase"]) == {"fixed"}


@pytest.mark.parametrize(
    ("strategies", "phases"),
    [
        (("drop", "flip", "det"), ("pretrained",)),
        (("det_flip",), ("fixed",)),
        (("det",), ("fixed", "finetuned")),
        (("flip",), ("scratch",)),
    ],
)
def test_runs_that_lack_strategies_or_phases_still_have_figures(tmp_path, strategies, phases):
    source = write_retention(tmp_path / "r.parquet", strategies, phases)
    draw_retention(source, outputs(tmp_path / "retention"))
    assert_drawn(outputs(tmp_path / "retention"))
    source = write_uncertainty(tmp_path / "u.parquet", strategies, phases)
    draw_boxplot(source, outputs(tmp_path / "boxplot"))
    assert_drawn(outputs(tmp_path / "boxplot"))


def test_without_out_of_distribution_clips_there_is_one_box_a_panel(tmp_path):
    frame = pd.read_parquet(write_uncertainty(tmp_path / "u.parquet"))
    frame[frame["scored_dataset"] == "scenes"].to_parquet(tmp_path / "u.parquet")
    draw_boxplot(tmp_path / "u.parquet", outputs(tmp_path / "out"))
    assert set(pd.read_csv(tmp_path / "out/figure.csv")["scored_dataset"]) == {"scenes"}


def test_the_same_data_give_the_same_bytes(tmp_path):
    source = write_retention(tmp_path / "r.parquet")
    for name in ("one", "two"):
        draw_retention(source, outputs(tmp_path / name))
    for kind in (*IMAGE_SUFFIXES, "csv"):
        first, second = ((tmp_path / n / f"figure.{kind}").read_bytes() for n in ("one", "two"))
        assert first == second


def test_style_sets_size_and_colour(tmp_path):
    source, files = write_retention(tmp_path / "r.parquet"), outputs(tmp_path / "out")
    draw_retention(source, files, {"dpi": 50, "width_inches": 6, "palette": {"flip": "#123456"}})
    assert imread(files["png"]).shape[1] == 300
    svg = files["svg"].read_text()
    assert "#123456" in svg
    assert PALETTE["drop"].lower() in svg
    assert PALETTE["flip"].lower() not in svg


@pytest.mark.parametrize(
    "wrong", [{"fontsize": 8}, {"palette": {"flipout": "red"}}, {"palette": {"flip": "no colour"}}]
)
def test_a_wrong_style_is_refused_by_name(wrong):
    word = next(iter(wrong["palette"])) if "palette" in wrong else "fontsize"
    with pytest.raises(UserError, match=word):
        style_from(wrong)

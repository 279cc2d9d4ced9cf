"""Figures: what the csv beside each image says, and what a run that lacks something gets."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from scipy import stats

from vipann.errors import UserError
from vipann.evaluation.retention import RETENTION_COLUMNS, UNCERTAINTY_COLUMNS
from vipann.figures import style
from vipann.figures.style import IMAGE_SUFFIXES, PALETTE, style_from
from vipann.papers.vi_pann.figures import boxplot, retention
from vipann.papers.vi_pann.figures import phases as phases_module
from vipann.papers.vi_pann.figures.boxplot import boxes, drawn_clips
from vipann.papers.vi_pann.figures.phases import phase_lines
from vipann.papers.vi_pann.figures.retention import strategy_lines as retention_lines

KINDS = ("total", "aleatoric", "epistemic")
MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def write_retention(path, strategies=("flip", "drop", "det"), phases=("fixed", "finetuned")):
    """Accuracy of replication r at fraction f in folds 1, 2, 3: f / 2 + r^2 / 1000 - 0.1, 0, + 0.1.

    So mean and median over replications differ.
    """
    rows = [
        (
            *("scenes", strategy, phase, fold, kind, r, f, "accuracy"),
            f / 2 + r**2 / 1000 + (fold - 2) / 10,
        )
        for strategy in strategies
        for phase in phases
        for fold in (1, 2, 3)
        for kind in KINDS
        for r in range(1 if strategy == "det" else 20)
        for f in (0.1, 0.5, 1.0)
    ]
    pd.DataFrame(rows, columns=RETENTION_COLUMNS).to_parquet(path)
    return path


def write_uncertainty(path, strategies=("flip", "drop", "det"), phases=("fixed", "finetuned")):
    """Own clips: 0, 1, .., 8, and one outlier; clips of another set: 10, 20, 30."""
    rows = [
        (
            "scenes",
            scored,
            strategy,
            phase,
            1 + i % 2,
            f"{scored}{i}",
            f"{scored}{i}",
            kind,
            float(value),
        )
        for strategy in strategies
        for phase in phases
        for kind in KINDS
        for scored, values in (("ships", [10, 20, 30]), ("scenes", [*range(9), 100]))
        for i, value in enumerate(values)
    ]
    pd.DataFrame(rows, columns=UNCERTAINTY_COLUMNS).to_parquet(path)
    return path


def outputs(folder):
    return {kind: folder / f"figure.{kind}" for kind in (*IMAGE_SUFFIXES, "csv")}


def assert_drawn(files):
    for suffix, magic in MAGIC.items():
        assert files[suffix].read_bytes().startswith(magic)
    assert len(list(files["csv"].parent.glob("figure.*"))) == 4
    assert not list(files["csv"].parent.glob(".*"))


@pytest.fixture
def draw_retention(draw):
    def drawn(source, files, style=None, interval="percentile", module=retention, **about):
        draw(module, "retention", source, files, style, interval=interval, **about)

    return drawn


@pytest.fixture
def only_png(monkeypatch):
    monkeypatch.setattr(style, "IMAGE_SUFFIXES", ("png",))


def test_the_retention_csv_holds_mean_and_interval(draw_retention, tmp_path):
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
    # 18 of 20 would be 90 %: none is left out.
    assert [point["low"], point["high"]] == pytest.approx([values[0], values[19]])
    assert point[["replications", "folds"]].tolist() == [20, 3]
    # Folds lie 0.1 apart: a standard deviation of 0.1, over sqrt(3).
    assert point["standard_error"] == pytest.approx(0.1 / 3**0.5)


def test_bands_of_the_mean_are_students(draw_retention, tmp_path):
    source, files = write_retention(tmp_path / "r.parquet"), outputs(tmp_path / "out")
    draw_retention(source, files, interval="t")
    lines = pd.read_csv(files["csv"])
    flip = lines[(lines["strategy"] == "flip") & (lines["retained_fraction"] == 0.5)].iloc[0]
    values = [0.25 + r**2 / 1000 for r in range(20)]
    expected = stats.t.interval(0.95, 19, np.mean(values), stats.sem(values))
    assert [flip["low"], flip["high"]] == pytest.approx(expected)
    assert lines.loc[lines["strategy"] == "det", ["low", "high"]].isna().all(axis=None)


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


def test_phases_are_compared_strategy_by_strategy_as_in_figure_3(
    draw_retention, tmp_path, only_png
):
    strategies = ("flip", "det", "det_flip", "drop")
    path = write_retention(tmp_path / "r.parquet", strategies, ("scratch", "fixed", "finetuned"))
    files = outputs(tmp_path / "out")
    draw_retention(path, files, module=phases_module)
    lines = pd.read_csv(files["csv"])
    assert list(dict.fromkeys(lines["uncertainty"])) == ["total", "epistemic", "aleatoric"]
    assert list(dict.fromkeys(lines["strategy"])) == ["drop", "det_flip", "flip"]
    assert set(lines["phase"]) == {"finetuned", "fixed"}
    keys = ["uncertainty", "strategy", "phase", "retained_fraction"]
    both = retention_lines(pd.read_parquet(path)).set_index(keys)
    for row in lines.itertuples():
        key = (row.uncertainty, row.strategy, row.phase, row.retained_fraction)
        assert row.mean == pytest.approx(both.loc[key, "mean"])


def test_a_fold_without_a_score_is_left_out_of_its_point(tmp_path):
    frame = pd.read_parquet(write_retention(tmp_path / "r.parquet"))
    frame.loc[(frame["fold"] == 3) & (frame["retained_fraction"] == 0.1), "value"] = np.nan
    lines = retention_lines(frame)
    line = (lines["phase"] == "fixed") & (lines["strategy"] == "flip")
    points = lines[line & (lines["uncertainty"] == "total")].set_index("retained_fraction")
    squares = sum(r**2 for r in range(20)) / 20 / 1000
    assert points.loc[0.1, "mean"] == pytest.approx(0.05 + squares - 0.05)
    assert points.loc[0.5, "mean"] == pytest.approx(0.25 + squares)
    assert points["folds"].tolist() == [2, 3, 3]


def test_the_order_of_rows_has_no_influence_on_the_lines(tmp_path):
    frame = pd.read_parquet(write_retention(tmp_path / "r.parquet"))
    pd.testing.assert_frame_equal(
        retention_lines(frame), retention_lines(frame.sample(frac=1, random_state=1))
    )
    pd.testing.assert_frame_equal(
        phase_lines(frame), phase_lines(frame.sample(frac=1, random_state=1))
    )


def test_the_boxplot_csv_holds_the_planted_boxes(draw, tmp_path):
    source, files = write_uncertainty(tmp_path / "u.parquet"), outputs(tmp_path / "out")
    draw(boxplot, "uncertainty", source, files)
    assert_drawn(files)
    boxes = pd.read_csv(files["csv"])
    assert set(boxes["phase"]) == {"finetuned"}
    assert list(dict.fromkeys(boxes["strategy"])) == ["drop", "flip"]
    assert boxes["scored_dataset"].tolist() == ["scenes", "ships"] * 6
    own, other = boxes.iloc[0], boxes.iloc[1]
    values = [*range(9), 100]
    assert own[["values", "folds", "beyond"]].tolist() == [10, 2, 1]
    assert own["mean"] == pytest.approx(13.6)
    assert own["median"] == pytest.approx(4.5)
    assert [own["q1"], own["q3"]] == pytest.approx(np.percentile(values, [25, 75]))
    # The outlier lies beyond 1.5 times the box, so the whisker ends at 8.
    assert [own["whisker_low"], own["whisker_high"]] == [0, 8]
    assert [other["median"], other["mean"], other["whisker_high"]] == [20, 20, 30]


def test_a_run_without_finetuning_shows_the_phase_it_has(tmp_path):
    for phase in ("pretrained", "fixed", "scratch"):
        frame = pd.read_parquet(write_uncertainty(tmp_path / "u.parquet", phases=(phase,)))
        assert set(boxes(drawn_clips(frame))["phase"]) == {phase}


@pytest.mark.parametrize(
    ("strategies", "phases"),
    [
        (("drop", "flip", "det"), ("pretrained",)),
        (("det_flip",), ("fixed",)),
        (("det",), ("fixed", "finetuned")),
        (("flip",), ("scratch",)),
    ],
)
def test_runs_that_lack_strategies_or_phases_still_have_figures(
    draw, tmp_path, only_png, strategies, phases
):
    curves = write_retention(tmp_path / "r.parquet", strategies, phases)
    uncertainty = write_uncertainty(tmp_path / "u.parquet", strategies, phases)
    for module, name, source in (
        (retention, "retention", curves),
        (phases_module, "retention", curves),
        (boxplot, "uncertainty", uncertainty),
    ):
        files = outputs(tmp_path / module.__name__)
        about = {"interval": "percentile"} if name == "retention" else {}
        draw(module, name, source, files, **about)
        assert files["png"].read_bytes().startswith(MAGIC["png"])
        assert files["csv"].exists()


def test_without_out_of_distribution_clips_there_is_one_box_a_panel(draw, tmp_path, only_png):
    frame = pd.read_parquet(write_uncertainty(tmp_path / "u.parquet"))
    frame[frame["scored_dataset"] == "scenes"].to_parquet(tmp_path / "u.parquet")
    draw(boxplot, "uncertainty", tmp_path / "u.parquet", outputs(tmp_path / "out"))
    assert set(pd.read_csv(tmp_path / "out/figure.csv")["scored_dataset"]) == {"scenes"}


def test_the_same_data_give_the_same_bytes(draw_retention, tmp_path):
    source = write_retention(tmp_path / "r.parquet", ("flip",), ("fixed",))
    for name in ("one", "two"):
        draw_retention(source, outputs(tmp_path / name))
    for kind in (*IMAGE_SUFFIXES, "csv"):
        first, second = ((tmp_path / n / f"figure.{kind}").read_bytes() for n in ("one", "two"))
        assert first == second


def test_a_users_matplotlibrc_changes_nothing(draw_retention, tmp_path):
    source = write_retention(tmp_path / "r.parquet")
    drawn = []
    for number, own in enumerate(({}, {"savefig.facecolor": "black", "axes.facecolor": "yellow"})):
        files = outputs(tmp_path / str(number))
        with matplotlib.rc_context(own):
            draw_retention(source, files)
        drawn.append(files["png"].read_bytes())
    assert drawn[0] == drawn[1]


def test_style_sets_size_and_colour(draw_retention, tmp_path):
    source = write_retention(tmp_path / "r.parquet", phases=("fixed",))
    files = outputs(tmp_path / "out")
    draw_retention(source, files, {"dpi": 50, "width_inches": 6, "palette": {"flip": "#123456"}})
    assert imread(files["png"]).shape[1] == 300
    svg = files["svg"].read_text()
    assert "#123456" in svg
    assert PALETTE["drop"].lower() in svg
    assert PALETTE["flip"].lower() not in svg


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"palette": {"flip": "no colour"}}, "palette.flip.*no colour"),
        ({"font": "No Such Font"}, "No Such Font"),
    ],
)
def test_a_wrong_style_is_refused_by_name(wrong, named):
    with pytest.raises(UserError, match=named):
        style_from(wrong)


def test_labels_can_be_changed(draw_retention, tmp_path):
    source = write_retention(tmp_path / "r.parquet", ("flip",))
    files = outputs(tmp_path / "out")
    names = {"scenes": "Mein Satz"}
    draw_retention(
        source, files, {"labels": {"fixed": "Fest"}}, module=phases_module, shown_names=names
    )
    # In the svg text is drawn as outlines, with the text itself beside in a comment.
    svg = files["svg"].read_text()
    assert "<!-- Fest -->" in svg
    assert "<!-- Mein Satz -->" in svg
    assert "Fixed-feature" not in svg


@pytest.mark.parametrize(("entries", "rows"), [(2, 1), (6, 2)])
def test_a_legend_has_as_many_rows_as_it_needs(entries, rows, tmp_path):
    names, drawn = list(PALETTE)[:entries], style_from()
    with drawn.applied():
        figure, _ = style.panels(drawn, 1, 3, 1.0)
        style.legend(figure, style.line_keys(names, drawn))
        style.save(figure, pd.DataFrame(), outputs(tmp_path / "out"), drawn.dpi)
    (legend,) = figure.legends
    heights = [text.get_window_extent().y0 for text in legend.get_texts()]
    assert len({round(height / 10) for height in heights}) == rows

"""What is on the page: artists against the csv and against the predictions, and legibility."""

import warnings
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color, to_rgb
from matplotlib.text import Text

from vipann.evaluation.metrics import MetricSettings
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, write_predictions
from vipann.evaluation.summarise import summarise
from vipann.figures import style as styles
from vipann.papers.vi_pann.figures import (
    boxplot,
    confusion,
    learning_curves,
    phases,
    reliability,
    retention,
)

ROOT = Path(__file__).parents[3]
POINTS = [point / 10 for point in range(1, 11)]
STRATEGIES = ("det", "drop", "det_flip", "flip")
PHASES = ("fixed", "finetuned")
CLIPS = {1: 9, 2: 30}
REPLICATIONS = 5
COLUMN_POINTS = 252
NAMES = {"scenes": "UrbanSound8K", "ships": "ShipsEar"}


def plant(strategy, phase, fold, scored="scenes"):
    """More certain clips are right more often; clips of ships are twice as uncertain."""
    rng = np.random.default_rng([STRATEGIES.index(strategy), PHASES.index(phase), fold])
    count = CLIPS[fold] if scored == "scenes" else 12
    repeats = 1 if strategy == "det" else REPLICATIONS
    labels = np.eye(3, dtype=np.uint8)[rng.integers(0, 3, count)]
    parts = {name: rng.gamma(2, 0.1, (repeats, count)) for name in ("aleatoric", "epistemic")}
    if scored != "scenes":
        parts = {name: 2 * values for name, values in parts.items()}
    if strategy == "det":
        parts["epistemic"] = np.zeros_like(parts["epistemic"])
    # Each fold has own clips; all folds hear the same ships.
    ids = [f"scenes{fold}-{i}" if scored == "scenes" else f"ship{i}" for i in range(count)]
    total = parts["aleatoric"] + parts["epistemic"]
    right = rng.random((repeats, count)) > 0.5 * total
    score = np.where(right[..., None], labels, np.roll(labels, 1, axis=1))
    return Predictions(
        mean_probability=(0.1 + 0.7 * score).astype(np.float32),
        total=total,
        **parts,
        labels=labels if scored == "scenes" else labels[:, :0],
        clip_id=np.array(ids),
        clip_seconds=5.0,
        recording=np.array(ids),
        task="multiclass",
        dataset="scenes",
        scored_dataset=scored,
        strategy=strategy,
        phase=phase,
        fold=fold,
        mc_samples=2,
        seed=1,
        classes=("a", "b", "c"),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The three figures of a planted run: kind -> (figure, csv)."""
    folder = tmp_path_factory.mktemp("run")
    paths = {"scenes": [], "ships": []}
    for scored, files in paths.items():
        for strategy in STRATEGIES:
            for phase in PHASES:
                for fold in CLIPS:
                    files.append(folder / f"{scored}{strategy}{phase}{fold}.h5")
                    write_predictions(plant(strategy, phase, fold, scored), files[-1])
    kinds = ("metrics", "retention", "uncertainty")
    parquet = [folder / f"{kind}.parquet" for kind in kinds]
    settings = MetricSettings(POINTS, bins=5, resamples=10, seed=1, orders=200)
    outputs = dict(zip(kinds, parquet, strict=True))
    summarise(paths["scenes"], paths["ships"], settings, outputs)
    style = styles.style_from(yaml.safe_load((ROOT / "config/config.yaml").read_text())["figures"])
    drawn = {}
    for module, source in ((retention, 1), (phases, 1), (boxplot, 2)):
        kind = module.__name__.rpartition(".")[2]
        name = parquet[source].stem
        about = {"interval": "percentile"} if name == "retention" else {}
        with style.applied():
            figure, data = module.figure(
                {name: [parquet[source]]}, style, shown_names=NAMES, **about
            )
            data.to_csv(folder / f"{kind}.csv", index=False)
            figure.savefig(folder / f"{kind}.png")
        drawn[kind] = (figure, pd.read_csv(folder / f"{kind}.csv"))
    return drawn


def by_hand(strategy, phase, uncertainty):
    """(10, folds, replications) accuracies over the most certain clips of the planted folds."""
    of_folds = []
    for fold, count in CLIPS.items():
        one = plant(strategy, phase, fold)
        hits = one.mean_probability.argmax(2) == one.labels.argmax(1)
        doubt = getattr(one, uncertainty).astype(np.float32)
        order = np.argsort(doubt, axis=1)
        ranked = np.take_along_axis(hits, order, axis=1)
        of_folds.append(
            [ranked[:, : -(-point * count // 10)].mean(axis=1) for point in range(1, 11)]
        )
    return np.array(of_folds).transpose(1, 0, 2)


@pytest.mark.parametrize("kind", ["retention", "phases"])
def test_points_band_and_error_are_those_computed_by_hand(run, kind):
    _, lines = run[kind]
    assert len(lines) == 10 * {"retention": 2 * (3 * 3 + 2), "phases": 3 * 3 * 2}[kind]
    for (strategy, phase, uncertainty), line in lines.groupby(["strategy", "phase", "uncertainty"]):
        curves = by_hand(strategy, phase, uncertainty)
        over_folds = curves.mean(axis=1)
        np.testing.assert_allclose(line["retained_fraction"], POINTS)
        np.testing.assert_allclose(line["mean"], over_folds.mean(axis=1))
        # Of so few replications none may be outside, if 95 % are to be inside.
        np.testing.assert_allclose(line["low"], over_folds.min(axis=1))
        np.testing.assert_allclose(line["high"], over_folds.max(axis=1))
        of_folds = curves.mean(axis=2)
        np.testing.assert_allclose(
            line["standard_error"], of_folds.std(axis=1, ddof=1) / 2**0.5, atol=1e-12
        )
        assert set(line["folds"]) == {2}
        assert set(line["replications"]) == {1 if strategy == "det" else REPLICATIONS}


def of_colour(artists, name):
    """The one line or band of a strategy's or phase's colour."""
    colours = [
        artist.get_color() if hasattr(artist, "get_color") else artist.get_facecolor()[0, :3]
        for artist in artists
    ]
    pairs = zip(artists, colours, strict=True)
    (found,) = [artist for artist, c in pairs if same_color(c, styles.PALETTE[name])]
    return found


def panels(figure, table, keys):
    """Axes and rows of the csv that belong together: panels in the order of the csv's rows."""
    shown = [axes for axes in figure.axes if axes.has_data()]
    groups = table.groupby(keys, sort=False)
    assert len(shown) == len(groups)
    return zip(shown, [rows for _, rows in groups], strict=True)


@pytest.mark.parametrize(
    ("kind", "keys", "line"),
    [
        ("retention", ["phase", "uncertainty"], "strategy"),
        ("phases", ["uncertainty", "strategy"], "phase"),
    ],
)
def test_lines_and_bands_are_the_csvs(run, kind, keys, line):
    figure, table = run[kind]
    if kind == "retention":
        # Its rows are ordered by line before panel.
        order = {name: place for place, name in enumerate(styles.UNCERTAINTY_LABELS)}
        phase = table["phase"].map({"finetuned": 0, "fixed": 1})
        table = table.assign(a=phase, b=table["uncertainty"].map(order))
        table = table.sort_values(["a", "b"], kind="stable")
    for axes, rows in panels(figure, table, keys):
        drawn = {name: of_colour(axes.lines, name) for name in rows[line].unique()}
        bands = {name: of_colour(axes.collections, name) for name in drawn if name != "det"}
        assert len(drawn) == len(axes.lines)
        assert len(bands) == len(axes.collections)
        for name, points in rows.groupby(line):
            np.testing.assert_allclose(drawn[name].get_xdata(), 100 * points["retained_fraction"])
            np.testing.assert_allclose(drawn[name].get_ydata(), points["mean"])
            if name == "det":
                continue
            corners = set(map(tuple, bands[name].get_paths()[0].vertices.round(9)))
            percent = 100 * points["retained_fraction"]
            for edge in ("low", "high"):
                wanted = zip(percent.round(9), points[edge].round(9), strict=True)
                assert corners.issuperset(wanted)


def test_boxes_are_the_csvs_and_of_all_folds(run):
    figure, table = run["boxplot"]
    assert list(dict.fromkeys(table["strategy"])) == ["drop", "flip", "det_flip"]
    for axes, rows in panels(figure, table, ["strategy", "uncertainty"]):
        assert rows["values"].tolist() == [39, 2 * 12]
        assert rows["folds"].tolist() == [2, 2]
        of_colour = {
            name: [a for a in axes.lines if same_color(a.get_color(), styles.PALETTE[name])]
            for name in ("median", "mean")
        }
        for name, artists in of_colour.items():
            found = [artist.get_ydata() for artist in artists]
            np.testing.assert_allclose(found, np.repeat(rows[[name]].to_numpy(), 2, axis=1))
        assert {artist.get_linestyle() for artist in of_colour["mean"]} == {"--"}
        assert {artist.get_linestyle() for artist in of_colour["median"]} == {"-"}
        heights = [patch.get_path().vertices[:, 1] for patch in axes.patches]
        np.testing.assert_allclose([h.min() for h in heights], rows["q1"])
        np.testing.assert_allclose([h.max() for h in heights], rows["q3"])
        ends = {y for artist in axes.lines for y in np.round(artist.get_ydata(), 9)}
        assert ends.issuperset(rows[["whisker_low", "whisker_high"]].to_numpy().ravel().round(9))
        for row in rows.itertuples():
            values = np.concatenate(
                [
                    getattr(plant(row.strategy, "finetuned", fold, row.scored_dataset), name)
                    .astype(np.float32)
                    .mean(axis=0, dtype=float)
                    for name in [row.uncertainty]
                    for fold in CLIPS
                ]
            )
            assert [row.mean, row.median] == pytest.approx([values.mean(), np.median(values)])
            low, high = np.percentile(values, [25, 75])
            inside = values[
                (values >= low - 1.5 * (high - low)) & (values <= high + 1.5 * (high - low))
            ]
            assert [row.whisker_low, row.whisker_high] == pytest.approx(
                [inside.min(), inside.max()]
            )
            assert row.beyond == len(values) - len(inside)


def drawn_texts(figure, monkeypatch):
    """The texts that a renderer is told to draw, ticks out of view not among them."""
    seen, draw = {}, Text.draw

    def spy(text, renderer, *rest, **more):
        if text.get_visible() and text.get_text():
            seen[id(text)] = text
        return draw(text, renderer, *rest, **more)

    monkeypatch.setattr(Text, "draw", spy)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return [(text, text.get_window_extent(canvas.get_renderer())) for text in seen.values()]


@pytest.mark.parametrize("kind", ["retention", "phases", "boxplot"])
def test_text_is_large_enough_for_a_column_whole_and_apart(run, kind, monkeypatch):
    figure, _ = run[kind]
    assert len(drawn_texts(figure, monkeypatch)) > 15
    check_legible(figure, monkeypatch)


def check_legible(figure, monkeypatch):
    scale = COLUMN_POINTS / (72 * figure.get_figwidth())
    with warnings.catch_warnings():
        # Of a layout that does not fit.
        warnings.simplefilter("error")
        texts = drawn_texts(figure, monkeypatch)
    for text, box in texts:
        assert text.get_fontsize() * scale >= 6.5, text
        assert figure.bbox.x0 <= box.x0, text
        assert box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0, text
        assert box.y1 <= figure.bbox.y1, text
    for (one, first), (other, second) in combinations(texts, 2):
        assert not first.overlaps(second), (one, other)


def figure_of(module, drawn_by, frame, monkeypatch, names=None, **about):
    """The figure of a module where its function `drawn_by` gives what is drawn."""
    monkeypatch.setattr(module, drawn_by, lambda _: frame)
    monkeypatch.setattr(pd, "read_parquet", lambda _: frame)
    style = styles.style_from()
    with style.applied():
        return module.figure(defaultdict(lambda: [""]), style, names or {}, **about)[0]


@pytest.mark.parametrize("strategies", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("name", "classes", "named"),
    [
        ("cow", 2, True),
        ("air_conditioner", 10, True),
        ("children_playing", 12, True),
        ("siren", 20, True),
        ("children_playing", 20, False),
        ("cow", 50, False),
    ],
)
def test_confusion_matrices_are_legible(strategies, name, classes, named, monkeypatch):
    names = [f"{name}_{number}" for number in range(classes)]
    frame = pd.DataFrame(
        [
            ("scenes", strategy, "finetuned", name, name, 1.0, 1.0)
            for strategy in confusion.STRATEGIES[:strategies]
            for name in names
        ],
        columns=["dataset", "strategy", "phase", "target", "predicted", "clips", "share"],
    )
    figure = figure_of(confusion, "confusion_shares", frame, monkeypatch)
    check_legible(figure, monkeypatch)
    texts = [text.get_text() for text, _ in drawn_texts(figure, monkeypatch)]
    shown = sum(text.startswith(name[:3]) for text in texts)
    assert shown >= 2 * classes if named else shown == 0
    assert {"Class", "Taken for"} <= set(texts)


@pytest.mark.parametrize("steps", [30, 500, 2600, 60_000, 3_000_000])
def test_learning_curves_of_many_steps_and_long_names_are_legible(steps, monkeypatch):
    datasets = {"upstream": "urban_mixtures_of_clips", "urbansound8k": None, "esc10": None}
    rows = [
        (dataset, strategy, phase, measure, steps * point / 20, 5, scale / point, 0.0, scale)
        for dataset in datasets
        for phase, measure, scale in (
            [("pretrained", name, 0.953) for name in learning_curves.UPSTREAM_PANELS]
            if dataset == "upstream"
            else [(phase, "loss", 12.5) for phase in PHASES]
        )
        for strategy in ("det", "drop", "flip")
        for point in range(1, 21)
    ]
    frame = pd.DataFrame(rows, columns=learning_curves.COLUMNS)
    # A network that was scored once.
    once = (frame["strategy"] == "flip") & (frame["measure"] == "mAP")
    frame = frame[~once | (frame["step"] == steps)]
    figure = figure_of(
        learning_curves, "learning_curves", frame, monkeypatch, upstream=datasets["upstream"]
    )
    check_legible(figure, monkeypatch)
    (panel,) = [axes for axes in figure.axes if axes.get_title() == "mAP"]
    forms = {line.get_marker() for line in panel.lines if len(line.get_xdata()) == 1}
    assert forms == {learning_curves.POINT["marker"]}


@pytest.mark.parametrize("fewest", [9, 10])
@pytest.mark.parametrize("phases", [("pretrained",), ("fixed", "finetuned", "scratch")])
def test_reliability_diagrams_are_legible_and_bins_of_few_cases_hollow(phases, fewest, monkeypatch):
    bins = np.arange(15)
    frames = [
        pd.DataFrame(
            {
                "dataset": "scenes",
                "strategy": strategy,
                "phase": phase,
                "low": bins / 15,
                "confidence": (bins + 0.5) / 15,
                "outcome": (bins % 3) / 2,
                "cases": np.where(bins % 5 == 0, fewest, 10),
                "percent": np.where(bins == 14, 95.0, 0.3),
            }
        )
        for phase in phases
        for strategy in reliability.STRATEGIES
    ]
    figure = figure_of(reliability, "reliability_lines", pd.concat(frames), monkeypatch)
    check_legible(figure, monkeypatch)
    above = figure.axes[0]
    hollow = [line for line in above.lines if same_color(line.get_markerfacecolor(), "white")]
    assert len(hollow) == (len(reliability.STRATEGIES) if fewest < 10 else 0)
    assert all(list(line.get_xdata()) == [0.5 / 15, 5.5 / 15, 10.5 / 15] for line in hollow)


# Machado, Oliveira and Fernandes 2009, severity 1: what is left of linear RGB.
DEFICIENCIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, deficiency):
    """CIELAB (D65) of a colour as a reader with the deficiency sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ linear / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize(
    "together",
    [(*STRATEGIES, "ens"), PHASES, ("median", "mean"), ("in_distribution", "out_of_distribution")],
)
def test_colours_that_meet_in_a_panel_are_told_apart_by_colour_blind_readers(deficiency, together):
    for one, other in combinations(together, 2):
        seen = [lab(styles.PALETTE[name], deficiency) for name in (one, other)]
        # Where 2.3 is a just noticeable difference; red and green of one lightness come to 10.
        assert np.linalg.norm(seen[0] - seen[1]) > 14, (one, other)


def test_every_uncertainty_has_a_word():
    assert set(styles.UNCERTAINTY_LABELS) == set(UNCERTAINTIES)

"""Learning curves: what is drawn equals the trainings' own files."""

import numpy as np
import pandas as pd
import pytest

from vipann.papers.vi_pann.figures import learning_curves as module
from vipann.papers.vi_pann.figures.learning_curves import POINTS, learning_curves


def write(path, steps, offset=0.0, scores=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame({"step": np.arange(1, steps + 1), "epoch": 0, "kl": 1.0})
    rows["loss"] = offset + 1 / rows["step"]
    if scores:
        rows = pd.concat([rows, pd.DataFrame({"step": [5, 10], "mAP": [0.1, 0.3], "AUC": 0.5})])
    rows.to_csv(path, index=False)
    return path


@pytest.fixture
def files(tmp_path):
    curves = tmp_path / "curves"
    return [
        write(curves / "upstream/det.csv", 10, scores=True),
        *(write(curves / f"esc10/flip/fold{k}/fixed.csv", 480, offset=k) for k in (1, 3)),
        write(curves / "esc10/flip/fold1/scratch.csv", 7),
    ]


def test_lines_are_means_over_steps_and_folds(files):
    lines = learning_curves(files).set_index(["dataset", "strategy", "phase", "measure"])
    upstream = lines.loc[("upstream", "det", "pretrained")]
    assert upstream.loc["mAP", "step"].tolist() == [5, 10]
    assert upstream.loc["mAP", "mean"].tolist() == [0.1, 0.3]
    assert len(upstream.loc["loss"]) == 10
    fixed = lines.loc[("esc10", "flip", "fixed", "loss")]
    assert len(fixed) == POINTS
    assert (fixed["folds"] == 2).all()
    inverse = 1 / np.arange(1, 481).reshape(POINTS, 8)
    np.testing.assert_allclose(fixed["mean"], 2 + inverse.mean(axis=1))
    np.testing.assert_allclose(fixed["high"] - fixed["low"], 2)
    assert fixed["step"].tolist() == list(range(8, 481, 8))
    assert len(lines.loc[("esc10", "flip", "scratch", "loss")]) == 7


def test_the_figure_draws_them_and_is_the_same_twice(files, tmp_path, draw):
    outputs = [
        {kind: tmp_path / f"{name}.{kind}" for kind in ("png", "pdf", "svg", "csv")}
        for name in ("a", "b")
    ]
    for paths in outputs:
        names = {"esc10": "ESC-10", "upstream": None}
        draw(module, "curves", files, paths, {"dpi": 80}, shown_names=names, upstream=None)
    for kind in outputs[0]:
        assert outputs[0][kind].read_bytes() == outputs[1][kind].read_bytes()
    svg = outputs[0]["svg"].read_text()
    assert "ESC-10" in svg
    assert "From scratch" in svg
    assert "Fine-tuned" not in svg, "a panel of a phase that no network was trained in"
    pd.testing.assert_frame_equal(pd.read_csv(outputs[0]["csv"]), learning_curves(files))


def test_a_run_without_trainings_says_so(tmp_path, draw):
    outputs = {kind: tmp_path / f"a.{kind}" for kind in ("png", "pdf", "svg", "csv")}
    draw(module, "curves", [], outputs, upstream=None)
    assert outputs["png"].stat().st_size
    assert len(pd.read_csv(outputs["csv"])) == 0

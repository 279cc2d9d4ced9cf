"""The verdict on distances against scores by the logits, on planted areas."""

import pandas as pd
import pytest

from vipann.claims.judgement import FAILS, HOLDS, UNJUDGED
from vipann.papers.uncertainty.claims import PAPER, read_views

AREAS = {"total": 0.8, "max_probability": 0.79, "max_logit": 0.82, "energy": 0.81}


@pytest.fixture
def judged(tmp_path):
    def judge(neighbours, half_width=0.05, strategy="det"):
        path = tmp_path / "own.ood_scores.parquet"
        rows = [
            {"score": score, "value": area, "change": area - AREAS["total"]}
            for score, area in {**AREAS, "nearest_neighbours": neighbours}.items()
        ]
        frame = pd.DataFrame(rows).assign(
            strategy=strategy, phase="finetuned", fold="all", measure="auroc", dataset="own"
        )
        frame["change_low"] = frame["change"] - half_width
        frame["change_high"] = frame["change"] + half_width
        fold = frame.assign(fold="1", value=0.1, change=float("nan"))
        pd.concat([frame, fold, frame.assign(measure="fpr95", value=0.3)]).to_parquet(path)
        (view,) = read_views({"ood_scores": [path]}, {})["ood_scores"]
        (claim,) = [one for one in PAPER.claims if one.key == "neighbours_beat_logits"]
        return PAPER.judge(claim, view)

    return judge


@pytest.mark.parametrize(
    ("neighbours", "verdict"), [(0.95, HOLDS), (0.7, FAILS), (0.83, UNJUDGED), (0.77, UNJUDGED)]
)
def test_the_paired_difference_decides(judged, neighbours, verdict):
    found = judged(neighbours)
    assert found.verdict == verdict
    assert f"{neighbours:.3f} against 0.800 of the entropy" in found.numbers
    assert "best by the logits: Max. logit, 0.820" in found.numbers


def test_without_det_or_an_interval_nothing_is_said(judged):
    assert judged(0.95, strategy="flip").verdict == UNJUDGED
    assert judged(0.95, half_width=float("nan")).verdict == UNJUDGED

from pathlib import Path

from vipann.config import read_layer
from vipann.papers.vi_pann.notes import DROP, FLIP, notes_of

CONFIG = read_layer(Path(__file__).parents[3] / "config/config.yaml")


def told(source: str, checkpoints: dict, flip_steps: int, strategies: list[str]) -> list[str]:
    pretrain = {"source": source, "checkpoints": checkpoints, "steps": {"flip": flip_steps}}
    return notes_of(CONFIG | {"pretrain": pretrain, "transfer": {"strategies": strategies}})


def test_the_papers_own_pretraining_needs_no_words():
    assert notes_of(CONFIG) == []


def test_a_flip_that_nobody_trained_upstream_is_told_apart():
    every, weights = ["flip", "det_flip", "drop", "det"], {"file": "w.pt"}
    assert told("checkpoint", {"det": weights}, 0, every) == [FLIP, DROP]
    assert told("checkpoint", {"det": weights, "drop": weights}, 0, every) == [FLIP]
    assert told("checkpoint", {"det": weights, "drop": None}, 1000, every) == [DROP]
    assert told("checkpoint", {"det": weights, "flip": weights}, 0, ["det_flip", "flip"]) == []
    assert told("checkpoint", {"det": weights}, 0, ["det_flip", "det"]) == []

"""Which networks Table 1 and its variants are about."""

from vipann.papers.vi_pann.networks import networks
from vipann.papers.vi_pann.printed import STRATEGY_NAMES, paper_value


def test_table_1_has_the_networks_that_the_paper_prints_and_no_others():
    lengths = {"ShipsEar": 10.0, "ESC-50": 5.0, "UrbanSound8K": 5.0, "DCASE2013": 30.0}
    found = networks(lengths)
    rows = [f"{n.dataset}/{STRATEGY_NAMES[n.strategy]}" for n in found if n.table == "1"]
    assert len(rows) == len(set(rows)) == 9
    assert all(paper_value(1, row, "MACs") for row in rows)
    assert {(n.dataset, n.classes, n.clip_seconds) for n in found if n.table == "1"} == {
        ("ESC-50", 50, 5.0),
        ("UrbanSound8K", 10, 5.0),
        ("DCASE2013", 10, 30.0),
    }


def test_variants_are_clips_of_their_own_length_and_pre_training():
    found = networks({"AudioSet": 10.0, "ESC-50": 5.0, "UrbanSound8K": 5.0})
    variants = [
        (n.dataset, n.strategy, n.classes, n.clip_seconds) for n in found if n.table == "1_variants"
    ]
    assert variants == [
        ("UrbanSound8K", "drop", 10, 4.0),
        ("UrbanSound8K", "det_flip", 10, 4.0),
        ("UrbanSound8K", "flip", 10, 4.0),
        ("AudioSet", "det", 527, 10.0),
        ("AudioSet", "drop", 527, 10.0),
        ("AudioSet", "flip", 527, 10.0),
    ]

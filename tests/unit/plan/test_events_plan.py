"""Events in a plan: whose they are, and what is refused before any job."""

import pytest
import yaml

from vipann.config import check_config, merge, read_layer
from vipann.errors import UserError
from vipann.plan.events import event_networks, events_of, localised
from vipann.plan.products import products
from vipann.plan.variants import VariantNetwork

SCORES = {"model": {"pooled": "scores"}, "evaluation": {"frame_scores": True}}
SYNTHETIC = {
    "upstream": "own",
    "transfer_datasets": [],
    "ood": None,
    "datasets": {"own": {"adapter": "synthetic", "task": "multilabel", "options": {}}},
}
VARIED = {
    "pretrain": {"epochs": 3, "keep_epochs": 2},
    "variants": {"maximum": {"model": {"pooling": "maximum"}}, "mean": {}},
    "seeds": [1, 2],
    "averages": {"late": {"of": "mean/1", "epochs": "all"}},
}


@pytest.fixture
def faults(tmp_path, run_of):
    root = run_of().root

    def check(*changes):
        file, base = tmp_path / "mine.yaml", root / "config/config.yaml"
        layer = merge({}, *changes)
        file.write_text(yaml.safe_dump(layer))
        try:
            config = merge(read_layer(base), layer)
            check_config(config, root / "workflow/schemas/config.schema.yaml", [base, file])
        except UserError as error:
            return str(error)
        return ""

    return check


def test_events_are_those_of_variants_else_of_the_upstream_networks(run_of):
    upstream = [events_of(one) for one in event_networks(run_of(**merge(SYNTHETIC, SCORES)))]
    names = [path.partition("/events/own/")[2] for path in upstream]
    assert names == [f"{strategy}/pretrained.csv" for strategy in ("det", "drop", "flip")]
    varied = [events_of(one) for one in event_networks(run_of(**merge(SYNTHETIC, SCORES, VARIED)))]
    members = ["maximum/seed1", "maximum/seed2", "mean/seed1", "mean/seed2", "mean/seed1.late"]
    assert [path.partition("own/variants/")[2] for path in varied] == [f"{m}.csv" for m in members]


def test_only_jobs_that_keep_scores_of_frames_have_the_setting(run_of):
    without, with_frames = run_of(**SYNTHETIC), run_of(**merge(SYNTHETIC, SCORES))
    assert event_networks(without) == []
    assert localised(without) is None
    plain, kept = (
        VariantNetwork(run, "det", variant="plain", member="seed1")
        for run in (without, with_frames)
    )
    assert "frame_scores" not in plain.prediction_settings
    assert kept.prediction_settings["frame_scores"] is True
    assert "frame_scores" not in kept.train_prediction_settings
    # No events are cut of it: its scores of frames would lie there for nothing.
    assert "frame_scores" not in kept.after(2).prediction_settings


def test_events_are_scored_where_the_upstream_set_has_strong_labels(run_of):
    changes = merge(SYNTHETIC, SCORES, VARIED, {"papers": ["event_detection"]})
    made = products(run_of(**changes), "table")
    (table,) = [one for one in made.values() if one.name == "localisation"]
    assert table.sources["localisation"][0].endswith("/metrics/own.localisation.parquet")
    weak = merge(changes, {"datasets": {"own": {"adapter": "folder"}}})
    assert localised(run_of(**weak)) is None
    assert "localisation" not in [one.name for one in products(run_of(**weak), "table").values()]


def test_frames_of_a_network_that_pools_them_are_refused_by_key(faults):
    said = faults({"evaluation": {"frame_scores": True}})
    assert "mine.yaml: evaluation.frame_scores: true needs model.pooled: scores" in said
    variant = {"variants": {"embedded": {"model": {"pooled": "frames"}}}, "seeds": [1]}
    said = faults(SCORES, variant)
    assert "mine.yaml: variants.embedded" in said
    assert "evaluation.frame_scores: true needs model.pooled: scores (it is frames)" in said
    assert faults(SCORES) == ""
    assert faults({"evaluation": {"frame_scores": False}}) == ""


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ({"low": 0.6}, "events.low: 0.6 is not allowed; must be at most events.high (0.5)"),
        ({"high": 1.5}, "events.high"),
        ({"low": 0}, "events.low"),
        ({"merge_gap_s": -1}, "events.merge_gap_s"),
        ({"segment_s": 0}, "events.segment_s"),
        ({"threshold": 0.5}, "events.threshold: unknown key"),
    ],
)
def test_thresholds_and_lengths_have_bounds(faults, block, key):
    assert key in faults({"events": block})

"""The bill of runs small enough to add up by hand."""

import copy
from pathlib import Path

import pandas as pd
import pytest
import torch

import vipann.cost.probe
from vipann.config import merge, read_layer
from vipann.cost.estimate import estimate
from vipann.cost.probe import Probe, line_through
from vipann.cost.table import Rate, cost_frame, write_cost
from vipann.cost.work import Size, Work, size_of, work_of
from vipann.datasets.windows import windows_of
from vipann.errors import UserError

CONFIGS = Path(__file__).parents[3] / "config"
SIZES = {
    "audioset": Size(1000, 100, 5, "x"),
    "esc50": Size(50, 0, 4, "x"),
    "shipsear_10s": Size(15, 0, 0, "x"),
    "shipsear_5s": Size(30, 0, 0, "x"),
}


@pytest.fixture
def config():
    return merge(
        read_layer(CONFIGS / "config.yaml"),
        {
            "transfer_datasets": ["esc50"],
            "pretrain": {"steps": {"det": 10, "drop": 20, "flip": 30}, "batch_size": 4},
            "transfer": {"strategies": ["det", "flip"], "batch_size": 8},
            "scratch": {"strategies": ["drop"], "epochs": 7, "batch_size": 5},
            "evaluation": {"mc_samples": 3, "replications": 2},
        },
    )


def listed(config):
    trained_on = [name for name in (config["upstream"], *config["transfer_datasets"]) if name]
    sizes = {name: SIZES[name] for name in [*trained_on, *windows_of(config).values()]}
    work = work_of(config, sizes, lambda seconds: int(seconds * 10), lambda s, classes: classes)
    return {(item.stage, item.name): item for item in work}


def test_quantities_by_hand(config):
    work = listed(config)
    pretrained = work["pretrain", "drop"]
    assert (pretrained.steps, pretrained.clips, pretrained.shared) == (20, 80, True)
    # 5 "parameters" of 4 bytes, for flip twice: MOPED's start is kept.
    assert pretrained.gigabytes == pytest.approx(20e-9)
    assert work["pretrain", "flip"].gigabytes == pytest.approx(40e-9)
    # 1000 clips x 100 frames x 64 bands x 2 bytes.
    features = work["features", "audioset"]
    assert features.gigabytes == pytest.approx(0.0128)
    assert (features.jobs, features.clips) == (32, 1000 / 32)
    # 40 of 50 clips, 200 epochs; 5 steps of 8 clips an epoch.
    fixed, tuned = work["fixed", "esc50 det"], work["finetuned", "esc50 det"]
    assert (fixed.jobs, fixed.kind, fixed.steps) == (5, "frozen", 0)
    assert (fixed.clips, fixed.head_steps) == (8000, 1000)
    assert (tuned.kind, tuned.clips, tuned.steps) == ("train", 8000, 1000)
    # 40 clips x 7 epochs in batches of 5.
    assert work["scratch", "esc50 drop"].steps == 56
    assert work["scratch", "esc50 drop"].clips == 280
    # 10 clips of a fold: once for det, 2 x 3 times for flip; (4 classes + 3) x 4 bytes each.
    assert work["predict", "esc50 det fixed"].clips == 10
    scored = work["predict", "esc50 flip finetuned"]
    assert scored.clips == 60
    assert scored.gigabytes == pytest.approx(5 * 2 * 10 * 7 * 4 / 1e9)
    assert work["ood", "esc50 flip fixed"].clips == 180
    # Windows of 10 s are half as many.
    assert work["ood", "audioset drop"].clips == 90
    assert work["predict", "audioset drop"].clips == 600
    assert ("ood", "esc50 drop scratch") not in work
    assert ("predict", "esc50 drop scratch") in work


def test_a_cache_and_a_validation_fold_save_work(config):
    config["transfer"]["fixed"] |= {"cache": "embeddings", "views": 3}
    config["validation"]["split"] = "next_fold"
    fixed = listed(config)["fixed", "esc50 flip"]
    assert (fixed.clips, fixed.head_steps) == (90, 750)


def test_what_is_imported_is_not_trained(config):
    config["pretrain"]["source"] = "checkpoint"
    assert [name for stage, name in listed(config) if stage == "pretrain"] == ["flip"]
    config["pretrain"]["steps"]["flip"] = 0
    assert not [name for stage, name in listed(config) if stage == "pretrain"]


def test_a_role_that_is_null_has_no_work(config):
    pretrain = merge(config["pretrain"], {"source": "checkpoint", "steps": {"flip": 0}})
    without = listed(config | {"upstream": None, "pretrain": pretrain})
    assert without.keys() >= {("predict", "esc50 det fixed"), ("ood", "esc50 det fixed")}
    assert ("predict", "audioset det") not in without
    without = listed(config | {"ood": None})
    assert ("predict", "audioset det") in without
    assert not [stage for stage, _ in without if stage == "ood"]


def test_a_phase_that_hears_nothing_foreign_has_no_such_work(config):
    config["evaluation"]["ood_phases"] = ["finetuned"]
    outside = {name for stage, name in listed(config) if stage == "ood"}
    assert {"audioset det", "esc50 flip finetuned"} <= outside
    assert not [name for name in outside if name.endswith("fixed")]


def job(**changes):
    base = {"stage": "s", "name": "n", "jobs": 5, "kind": "train", "strategy": "det"}
    base |= {"steps": 100.0, "clips": 800.0, "clip_seconds": 10.0, "gigabytes": 1.5}
    return Work(**base | {"benchmarks": "s/*.tsv"} | changes)


RATES = {
    ("train", "det"): Rate(2.0, 0.5, 5.0, "probe: x"),
    ("head", "det"): Rate(0.25, 0.0, 5.0, "probe: y"),
    ("features", ""): Rate(0.0, 0.1, 10.0, "probe: z"),
}


def test_hours_by_hand(tmp_path):
    work = [
        job(),
        job(jobs=1, shared=True),
        job(kind="features", strategy="", jobs=1, steps=0, clips=36000.0),
        job(jobs=9, head_steps=400.0),
    ]
    frame = cost_frame(work, RATES, tmp_path, 0.5)
    # 100 x 2 s + 800 x 0.5 s x 10 s / 5 s = 1000 s; with 400 x 0.25 s more 1100 s.
    assert list(frame["seconds_per_job"]) == pytest.approx([1000, 1000, 3600, 1100])
    # 5 jobs on 4 GPUs are 2 rounds, 9 jobs 3; on 8: 1 and 2. Shared: / (4 x 0.5), / (8 x 0.5).
    assert list(frame["hours_1"] * 3600) == pytest.approx([5000, 1000, 3600, 9900])
    assert list(frame["hours_4"] * 3600) == pytest.approx([2000, 500, 3600, 3300])
    assert list(frame["hours_8"] * 3600) == pytest.approx([1000, 250, 3600, 2200])
    assert frame["measured"].tolist() == ["probe: x", "probe: x", "probe: z", "probe: x"]
    assert "clips of 10 s for 5 s: x 2" in frame["scaled"][0]


def test_the_runs_own_benchmarks_win_and_stages_add_up(tmp_path):
    (tmp_path / "s").mkdir()
    for fold, seconds in ((1, 1800), (2, 5400)):
        (tmp_path / f"s/fold{fold}.tsv").write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
    work = [job(), job(benchmarks="t/*.tsv", jobs=1), job(stage="t", benchmarks="t/*.tsv")]
    frame = cost_frame(work, RATES, tmp_path, 1.0)
    assert frame["seconds_per_job"][0] == 3600
    assert frame["measured"][0] == "2 of 5 jobs of this run, s/*.tsv"
    write_cost(frame, ["a note"], tmp_path / "c.csv", tmp_path / "c.md")
    lines = (tmp_path / "c.md").read_text().splitlines()
    # 5 h + 1000 s; 5000 s; together.
    assert "| s | 6 | 5.28 | 2.28 | 1.28 | 3 |" in lines
    assert "| t | 5 | 1.39 | 0.556 | 0.278 | 1.5 |" in lines
    assert "| in all | 11 | 6.67 | 2.83 | 1.56 | 4.5 |" in lines
    assert len(pd.read_csv(tmp_path / "c.csv")) == 3


def benchmark(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")


def test_benchmarks_of_several_gpus_become_those_of_one(config, tmp_path):
    config["pretrain"]["gpus"] = config["scratch"]["gpus"] = 4
    benchmark(tmp_path / "pretrain/det.tsv", 3600)
    benchmark(tmp_path / "scratch/esc50/drop/fold1.tsv", 3600)

    def hours(changes):
        work = listed(config | changes)
        chosen = [work["pretrain", "det"], work["scratch", "esc50 drop"]]
        return cost_frame(chosen, RATES, tmp_path, 0.5)[["hours_1", "hours_4", "hours_8"]]

    # Four GPUs at half of their speed do twice the work of one; five folds on four are two rounds.
    assert hours({}).to_numpy().tolist() == [[2, 1, 0.5], [10, 4, 2]]
    # On a CPU a job is one process, whatever it asks for.
    on_cpu = hours({"accelerator": "cpu"}).to_numpy().tolist()
    assert on_cpu == [[1, 0.5, 0.25], [5, 2, 1]]


def test_features_take_what_their_shards_and_the_join_took(config, tmp_path):
    config["datasets"]["audioset"]["shards"] = 3

    def hours():
        frame = cost_frame([listed(config)["features", "audioset"]], RATES, tmp_path, 1.0)
        assert frame["hours_1"][0] == frame["hours_8"][0]
        return frame["hours_1"][0]

    # A join, and a shard, that an earlier run left, of other shards.
    benchmark(tmp_path / "features/audioset.tsv", 7200)
    benchmark(tmp_path / "features/audioset/shard1of2.tsv", 36000)
    assert hours() < 1
    benchmark(tmp_path / "features/audioset/shard1of3.tsv", 3600)
    assert hours() == 3
    for shard in (2, 3):
        benchmark(tmp_path / f"features/audioset/shard{shard}of3.tsv", 7200)
    assert hours() == pytest.approx(5 + 2)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([3.0, 5.0], (1.0, 2.0)),
        ([5.0, 5.0], (0.0, 2.5)),  # the larger batch cost nothing more: noise
        ([1.0, 4.0], (0.0, 2.0)),  # a step would cost less than nothing
    ],
)
def test_steps_and_clips_are_told_apart(seconds, expected):
    assert line_through((1, 2), seconds) == pytest.approx(expected)


def test_sizes_come_from_the_manifest_else_from_the_paper(config, tmp_path):
    assert size_of(config, "urbansound8k", tmp_path).clips == 8732
    assert size_of(config, "audioset", tmp_path).classes == 527
    unknown = copy.deepcopy(config)
    unknown["datasets"]["esc50"]["paper_name"] = None
    with pytest.raises(UserError, match="size of esc50 is not known"):
        size_of(unknown, "esc50", tmp_path)
    frame = pd.DataFrame({"split": ["train", "eval", "eval"], "labels": [["a"], ["b", "a"], []]})
    frame.to_parquet(tmp_path / "esc50.parquet")
    assert size_of(unknown, "esc50", tmp_path) == Size(3, 2, 2, "esc50.parquet")
    head, rows = "clip_id,split,reason,left_out", ["a,eval,r,{0}", "b,train,r,{0}"]
    for left_out, size in ((True, (1, 1)), (False, (3, 2))):
        lines = [head, *(row.format(left_out) for row in rows)]
        (tmp_path / "esc50.shared.csv").write_text("\n".join(lines))
        assert size_of(unknown, "esc50", tmp_path) == Size(*size, 2, "esc50.parquet")


@pytest.fixture
def tiny(config):
    return merge(
        config,
        {
            "accelerator": "cpu",
            "model": {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}},
            "datasets": {"esc50": {"clip_seconds": 0.5}},
            "transfer": {"batch_size": 2},
        },
    )


def test_the_probe_measures_or_scales_by_macs(tiny):
    measured = Probe(tiny | {"cost": {"probe_seconds": 30}}, 0.5, 4).rates()
    for kind in ("pass", "train", "head"):
        for strategy in ("det", "drop", "det_flip", "flip"):
            rate = measured[kind, strategy]
            assert rate.per_step + rate.per_clip > 0
            assert "not measured" not in rate.scaled
    scaled = Probe(tiny | {"cost": {"probe_seconds": 1e-6}}, 0.5, 4).rates()
    base = scaled["pass", "det"]
    assert "not measured" not in base.scaled
    assert scaled["train", "drop"].per_clip == pytest.approx(3 * base.per_clip)
    assert 1.5 < scaled["pass", "flip"].per_clip / base.per_clip < 2.5
    assert "by MACs" in scaled["train", "flip"].scaled
    # 64 x (64 + 4) MACs a clip, twice for Flipout, three passes, 2 clips.
    assert scaled["head", "flip"].per_step / scaled["head", "det"].per_step == pytest.approx(2)


@pytest.mark.parametrize(
    ("training", "evaluation", "cache", "frozen"),
    [
        ("bfloat16", "float32", "none", "bfloat16"),
        ("bfloat16", "bfloat16", "embeddings", "float32"),
        ("auto", "bfloat16", "none", "float32"),
    ],
)
def test_each_kind_is_measured_in_the_runs_precision(
    tiny, monkeypatch, training, evaluation, cache, frozen
):
    """What fc1 returns tells the arithmetic that was really on."""
    seen = set()

    def build(strategy, *arguments):
        network = build_transferred(strategy, *arguments)
        network.fc1.register_forward_hook(
            lambda module, _, output: seen.add((strategy, module.training, output.dtype))
        )
        return network

    build_transferred = vipann.cost.probe.build_transferred
    monkeypatch.setattr(vipann.cost.probe, "build_transferred", build)
    monkeypatch.setattr(vipann.cost.probe, "_REPEATS", 1)
    monkeypatch.setattr("vipann.devices.has_bfloat16", lambda device: True)
    tiny["cost"]["probe_seconds"] = 30
    tiny["training"]["precision"] = training
    tiny["evaluation"]["precision"] = evaluation
    tiny["transfer"]["fixed"]["cache"] = cache
    rates = Probe(tiny, 0.5, 4).rates()
    trained = training.replace("auto", "float32")
    wanted = {"train": trained, "head": trained, "pass": evaluation, "frozen": frozen}
    for (kind, _), rate in rates.items():
        assert kind == "features" or f" in {wanted[kind]}, " in rate.source
    for strategy in ("det", "drop", "flip"):
        assert {(mode, dtype) for name, mode, dtype in seen if name == strategy} == {
            (kind in ("train", "head"), getattr(torch, precision))
            for kind, precision in wanted.items()
        }


@pytest.mark.parametrize("name", ["laptop", "audioset_vggish"])
def test_other_networks_than_the_resnet_are_refused(config, tmp_path, name):
    other = merge(read_layer(CONFIGS / "config.yaml"), read_layer(CONFIGS / f"{name}.yaml"))
    with pytest.raises(UserError, match="resnet54 alone.*results/" + name):
        estimate(other, tmp_path, tmp_path, tmp_path / "c.csv", tmp_path / "c.md")
    assert not list(tmp_path.iterdir())


KALDI = {"kind": "kaldi_mel", "window_length": 800, "fft_length": 1024, "pre_emphasis": 0.97}


@pytest.mark.parametrize(
    "roles",
    [
        {},
        {"upstream": None, "pretrain": {"source": "checkpoint", "steps": {"flip": 0}}},
        {"transfer_datasets": [], "ood": None, "features": KALDI},
    ],
)
def test_the_whole_table_names_its_inputs(tiny, tmp_path, roles):
    tiny = merge(tiny, roles, {"cost": {"probe_seconds": 1e-6}})
    estimate(tiny, tmp_path, tmp_path, tmp_path / "c.csv", tmp_path / "c.md")
    frame = pd.read_csv(tmp_path / "c.csv")
    stages = {"features", "pretrain", "fixed", "finetuned", "scratch", "predict", "ood"}
    missing = {
        "upstream": {"pretrain"},
        "transfer_datasets": {"fixed", "finetuned", "scratch", "ood"},
    }
    assert set(frame["stage"]) == stages.difference(*(missing.get(role, ()) for role in roles))
    assert frame["measured"].str.contains("probe:|log-mel").all()
    assert (frame[["hours_1", "hours_4", "hours_8"]] > 0).all().all()
    assert "CPU, " in (tmp_path / "c.md").read_text()

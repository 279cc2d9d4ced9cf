"""The GPU benchmark, with tiny sizes on the CPU: it runs to its end and fills its table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vipann.config import merge, read_layer
from vipann.models.complexity import complexity

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
STRATEGIES = {"det", "drop", "det_flip", "flip"}


def run(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks/gpu.py", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("gpu")
    small = ("--tiny", "--no-compile", "--batch-sizes", 2, "--repeats", 1)
    done = run(*small, "--out", out)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "gpu.json").read_text()), (out / "gpu.md").read_text(), done.stdout


def test_every_network_is_measured_in_every_precision(finished):
    report, table, _ = finished
    assert report["device"] == "CPU"
    cases = {(case["network"], case["precision"]): case for case in report["throughput"]}
    assert len(cases) == len(report["throughput"]) == 12
    assert {network for network, _ in cases} == STRATEGIES
    for case in cases.values():
        assert case["training_clips_per_s"] > 0
        assert case["prediction_share"] > 0
    assert "| flip | bfloat16 | 2 | no |" in table


def test_operations_are_those_of_the_network(finished):
    config = read_layer(ROOT / "config/config.yaml")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from gpu import TINY

    config = merge(config, TINY)
    keys = ("model", "bayesian", "moped", "kl")
    settings = {key: config[key] for key in keys} | {"features": config["features"]["logmel"]}
    counted = complexity("det", 50, 5.0, settings)
    # Table 1 counts the last layer twice.
    products = counted["conv"] + counted["linear"] - 64 * 50
    cases = {case["network"]: case for case in finished[0]["throughput"]}
    assert cases["det"]["prediction_operations"] == 2 * products * 2  # two clips
    # Each backward pass costs two forward passes, but for the gradient of the input.
    ratio = cases["det"]["training_operations"] / cases["det"]["prediction_operations"]
    assert 2.9 < ratio <= 3
    ratio = cases["flip"]["training_operations"] / cases["det"]["training_operations"]
    assert ratio == pytest.approx(2, rel=0.01)


def test_numbers_are_compared_under_the_same_draws(finished):
    rows = {(row["network"], row["precision"]): row for row in finished[0]["numbers"]}
    for network in ("det", "flip"):
        assert rows[network, "float32"]["largest"] == 0  # the device is the CPU
        assert rows[network, "float32"]["gradients"] == 0
        assert rows[network, "float32"]["logit"] > 0.1
    assert 0 < rows["det", "float64"]["logits"] < 1e-5
    assert 1e-4 < rows["det", "bfloat16"]["logits"] < 0.1


def test_the_loader_is_measured_and_each_result_printed_at_once(finished):
    report, _, printed = finished
    assert [row["workers"] for row in report["loader"]] == [0, 2]
    assert all(row["clips_per_s"] > 0 for row in report["loader"])
    assert printed.index(" s throughput:") < printed.index("| network |")
    assert "processes that share a batch" in report["skipped"][0]


def test_nothing_begins_when_the_time_is_spent(tmp_path):
    done = run("--tiny", "--minutes", 0, "--batch-sizes", 2, "--repeats", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "gpu.json").read_text())
    assert [report[name] for name in ("numbers", "throughput", "loader")] == [[], [], []]
    skipped = " ".join(report["skipped"])
    for what in ("numbers of flip", "det in bfloat16, batch 2", "compiled training of det"):
        assert what in skipped
    assert "Skipped: loader with 2 workers" in (tmp_path / "gpu.md").read_text()


def test_without_a_gpu_it_says_so():
    done = run()
    assert done.returncode != 0
    assert "no GPU here" in done.stderr

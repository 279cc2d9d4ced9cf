"""The GPU benchmark, with tiny sizes on the CPU: it runs to its end and fills its table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def run(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks/gpu.py", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )


def test_it_runs_with_tiny_sizes_on_a_cpu(tmp_path):
    small = ("--tiny", "--no-compile", "--batch-size", 2, "--repeats", 1)
    done = run(*small, "--out", tmp_path / "gpu")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "gpu.json").read_text())
    assert report["device"] == "CPU"
    assert report["bfloat16_matrix_operations_per_second"] > 0
    cases = {(case["strategy"], case["precision"]): case for case in report["throughput"]}
    assert len(cases) == len(report["throughput"]) == 6
    for case in cases.values():
        assert case["training_clips_per_s"] > 0
        assert case["inference_share"] > 0
    assert "| flip | bfloat16 | no |" in (tmp_path / "gpu.md").read_text()


def test_without_a_gpu_it_says_so():
    done = run()
    assert done.returncode != 0
    assert "no GPU here" in done.stderr

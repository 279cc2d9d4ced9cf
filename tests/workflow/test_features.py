"""Features in shards, with broken audio among the clips, as a user meets them."""

import h5py
import numpy as np
import pytest
import soundfile
from workflow_harness import MICRO, Workflow

CLIPS = 6
LABELS = ["noise"] * 4 + ["sea"] * 2
TARGET = "results/micro/features/mine.h5"


@pytest.fixture
def recordings(tmp_path):
    """Six clips of noise; the third was cut off after its list was made."""
    folder = tmp_path / "recordings"
    for label in set(LABELS):
        (folder / label).mkdir(parents=True)
    noise = np.random.default_rng(0)
    for number in range(CLIPS):
        samples = noise.uniform(-0.5, 0.5, 8000)
        soundfile.write(folder / LABELS[number] / f"{number}.flac", samples, 8000)
    cut = folder / "noise/2.flac"
    cut.write_bytes(cut.read_bytes()[:4000])
    return folder


def test_broken_clips_stop_their_shard_or_are_left_out(recordings, tmp_path, write_config):
    workflow = Workflow(tmp_path)
    block = {"adapter": "folder", "task": "multiclass", "clip_seconds": 1.0, "padding": "zero"}
    mine = block | {"folds": 0, "shards": 2, "options": {"path": str(recordings)}}

    def config(allowed):
        data = MICRO["data"] | {"max_rejected": allowed}
        return write_config("shards", MICRO | {"data": data, "datasets": {"mine": mine}})

    found = workflow(config(0.1), "--cores", "1", "--keep-going", TARGET, check=False)
    assert found.returncode != 0
    listed = "results/micro/features/mine/shard1of2.rejected.csv"
    assert (
        "error: 1 of 3 clips cannot be used, which is more than data.max_rejected" in found.stderr
    )
    assert listed in found.stderr
    assert "noise/2.flac" in (tmp_path / listed).read_text()
    assert not (tmp_path / TARGET).exists()

    workflow(config(0.5), "--cores", "1", TARGET)
    with h5py.File(tmp_path / TARGET) as file:
        kept = [f"{LABELS[number]}/{number}.flac" for number in range(CLIPS) if number != 2]
        assert file["clip_id"].asstr()[()].tolist() == kept
        assert (file["logmel"][()].max(axis=(1, 2)) > -50).all()
    lines = (tmp_path / "results/micro/features/mine.rejected.csv").read_text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("noise/2.flac,")
    again = workflow(config(0.9), "-n", TARGET)
    assert "Nothing to be done" in again.stdout + again.stderr

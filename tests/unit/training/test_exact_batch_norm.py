"""Trainings take batch norm's statistics of large batches in blocks."""

import torch
from recipes import train_from_scratch

from vipann.features.store import FeatureStore
from vipann.models import batch_norm
from vipann.models.checkpoints import load_checkpoint


def test_a_training_has_the_statistics_of_its_clips(multiclass, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_norm, "RIGHT", 64)
    monkeypatch.setattr(batch_norm, "BLOCK", 50)
    in_blocks = []
    statistics = batch_norm.statistics
    monkeypatch.setattr(
        batch_norm, "statistics", lambda rows: in_blocks.append(len(rows)) or statistics(rows)
    )
    settings["training"] |= {"epochs": 1, "batch_size": 18, "batch_norm_momentum": 1.0}
    settings["training"]["spec_augment"] = dict.fromkeys(settings["training"]["spec_augment"], 0)
    out = tmp_path / "scratch.safetensors"
    train_from_scratch("det", 1, multiclass, settings, out)
    assert 18 * 40 in in_blocks  # clips and frames, of each band that `bn0` normalises
    with FeatureStore(multiclass) as store:
        heard = torch.from_numpy(store.read(store.rows(folds=[2, 3]))).double()
    state = load_checkpoint(out)[0]
    torch.testing.assert_close(
        state["encoder.bn0.running_var"].double(), heard.var((0, 1)), rtol=1e-4, atol=0
    )

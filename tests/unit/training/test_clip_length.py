"""A network hears clips at the length that it was trained on, and no other."""

import copy

import h5py
import pytest
from recipes import train_from_scratch

from vipann.errors import UserError
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.models.checkpoints import load_checkpoint

SCORING = {"seed": 1, "mc_samples": 1, "replications": 1, "dataset": "own"}


@pytest.fixture
def trained(multiclass, settings, tmp_path):
    out = tmp_path / "det.safetensors"
    settings = copy.deepcopy(settings)
    settings["training"]["epochs"] = 1
    train_from_scratch("det", 1, multiclass, settings, out)
    return out


def halved(features, path):
    """The same clips, cut to half their length."""
    with h5py.File(features) as whole, h5py.File(path, "w") as cut:
        for name, values in whole.items():
            if name == "logmel":
                half = values[:, : values.shape[1] // 2]
                cut.create_dataset(name, data=half, chunks=(1, *half.shape[1:]))
            else:
                cut[name] = values[()]
        cut.attrs.update(whole.attrs)
        cut.attrs["clip_seconds"] = whole.attrs["clip_seconds"] / 2
    return path


@pytest.mark.parametrize("scored", ["own", "ships"])
def test_the_same_clips_cut_short_are_refused(scored, trained, multiclass, tmp_path):
    short, out = halved(multiclass, tmp_path / "short.h5"), tmp_path / "p.h5"
    settings = SCORING | {"scored_dataset": scored}
    with pytest.raises(UserError, match=r"clips of 1 s.*short\.h5.*0\.5 s"):
        predict(trained, short, {}, settings, "cpu", 16, out)
    assert not out.exists()
    predict(trained, multiclass, {}, settings, "cpu", 16, out)
    assert read_predictions(out).clip_seconds == 1.0
    assert load_checkpoint(trained)[1]["clip_seconds"] == 1.0

"""The cached fixed phase against the faithful one, and what its views are."""

import copy
from functools import partial

import pytest
import torch
from recipes import recipe, transfer

from vipann.features.batches import LogmelDataset
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.models.strategies import build_network, build_transferred, freeze_backbone
from vipann.training import backbone_cache
from vipann.training.augmentation import augmented
from vipann.training.backbone_cache import Head, cached, cached_sets
from vipann.training.recipe import Transfer

NO_STRIPES = {"time_stripes": 0, "time_width": 0, "mel_stripes": 0, "mel_width": 0}


@pytest.fixture
def start(settings, tmp_path):
    """An upstream checkpoint with running statistics that are not those of a new network."""
    from vipann.models.checkpoints import save_checkpoint

    def made(strategy):
        torch.manual_seed(5)
        network = build_network(strategy, 4, settings)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
        path = tmp_path / f"up_{strategy}.safetensors"
        save_checkpoint(network, path, {"classes": list("abcd")})
        return path

    return made


def fixed_phase(strategy, settings, features, start, out, **training):
    settings = copy.deepcopy(settings)
    settings["training"] |= {"epochs": 3, "backbone_mode": "eval", "spec_augment": NO_STRIPES}
    settings["training"] |= training
    transfer(strategy, "fixed", 1, features, start, settings, out)
    return load_checkpoint(out)


@pytest.mark.parametrize("strategy", ["det", "det_flip"])
def test_the_cache_gives_the_weights_of_the_faithful_mode(
    strategy, settings, multiclass, start, tmp_path
):
    up = start("det")
    run = (strategy, settings, multiclass, up, tmp_path / "out.safetensors")
    faithful, _ = fixed_phase(*run)
    quick, facts = fixed_phase(*run, cache="embeddings")
    assert faithful.keys() == quick.keys()
    for name, value in faithful.items():
        torch.testing.assert_close(quick[name], value, rtol=1e-4, atol=1e-5)
    head = "head.fc1.weight" if strategy == "det" else "head.fc1.mu_weight"
    other, _ = fixed_phase(*run, cache="embeddings", epochs=1)
    assert (other[head] - quick[head]).abs().max() > 1e-3, "training moved less than the tolerance"
    assert facts["settings"]["training"]["cache"] == "embeddings"


def views_of(strategy, settings, features, views, augmentation=None, seed=1, **rest):
    torch.manual_seed(0)
    network = build_transferred(strategy, 3, settings)
    freeze_backbone(network)
    with FeatureStore(features) as store:
        clips = LogmelDataset(store, range(10))
        found = cached(network, clips, views, augmentation, 4, seed, torch.device("cpu"), **rest)
    return network, found


def test_the_first_view_is_the_clip_and_the_others_are_augmented(settings, multiclass):
    stripes = {"time_stripes": 2, "time_width": 20, "mel_stripes": 2, "mel_width": 30}
    augmentation = partial(augmented, recipe=recipe(spec_augment=stripes))
    network, found = views_of("det", settings, multiclass, 3, augmentation)
    with FeatureStore(multiclass) as store, torch.no_grad():
        logmel = torch.from_numpy(store.read(range(10))).float()
        expected = network.eval().embed(logmel)
    torch.testing.assert_close(found.embeddings[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert not torch.isclose(found.embeddings[:, 1], expected).all(1).any()
    assert not torch.isclose(found.embeddings[:, 1], found.embeddings[:, 2]).all(1).any()
    _, plain = views_of("det", settings, multiclass, 2)
    torch.testing.assert_close(plain.embeddings[:, 1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", ["drop", "flip"])
def test_a_random_backbone_draws_anew_for_each_view_and_the_same_from_the_same_seed(
    strategy, settings, multiclass
):
    state = torch.random.get_rng_state()
    _, found = views_of(strategy, settings, multiclass, 2)
    torch.manual_seed(0)
    build_transferred(strategy, 3, settings)
    after_building = torch.random.get_rng_state()
    torch.random.set_rng_state(state)
    _, again = views_of(strategy, settings, multiclass, 2)
    assert torch.equal(torch.random.get_rng_state(), after_building), "the cache drew from it"
    assert torch.equal(found.embeddings, again.embeddings)
    assert (found.embeddings[:, 0] != found.embeddings[:, 1]).any(1).all()
    _, other = views_of(strategy, settings, multiclass, 2, seed=2)
    assert not torch.equal(found.embeddings, other.embeddings)


@pytest.mark.parametrize(
    ("strategy", "stripes", "views"), [("det", 0, 1), ("det", 2, 3), ("drop", 0, 3)]
)
def test_views_that_are_all_alike_are_computed_once(strategy, stripes, views, settings, multiclass):
    torch.manual_seed(0)
    network = build_transferred(strategy, 3, settings)
    freeze_backbone(network)
    masked = {"time_stripes": stripes, "time_width": 20, "mel_stripes": 0, "mel_width": 0}
    asked = Transfer.of(
        settings
        | {
            "training": settings["training"]
            | {"views": 3, "cache": "embeddings", "spec_augment": masked}
        }
    )
    with FeatureStore(multiclass) as store:
        clips, none = LogmelDataset(store, range(10)), LogmelDataset(store, range(0))
        training, _ = cached_sets(network, clips, none, asked, 1, "cpu")
    assert training.embeddings.shape[:2] == (10, views)


def test_training_takes_every_view_and_only_views_of_the_clip(settings, multiclass):
    network, _ = views_of("det", settings, multiclass, 1)
    head = Head(network)
    taken = []
    head.classify = taken.append
    x = torch.arange(5.0).view(5, 1, 1) * 10 + torch.arange(3.0).view(1, 3, 1)
    for _ in range(40):
        head(x)
    seen = torch.stack(taken).squeeze(-1)
    assert seen.shape == (40, 5)
    for clip in range(5):
        assert set(seen[:, clip].tolist()) == {10.0 * clip + view for view in range(3)}
    assert (seen % 10 != seen[:, :1] % 10).any(), "clips of a batch draw their views apart"


def test_what_is_too_large_for_memory_lies_in_a_file(settings, multiclass, monkeypatch):
    import numpy as np

    made = []
    memmap = np.memmap
    monkeypatch.setattr(
        backbone_cache.np, "memmap", lambda *a, **k: made.append(memmap(*a, **k)) or made[-1]
    )
    _, small = views_of("det", settings, multiclass, 2, in_memory_bytes=10 * 2 * 64 * 4)
    assert not made
    _, large = views_of("det", settings, multiclass, 2, in_memory_bytes=10 * 2 * 64 * 4 - 1)
    assert [file.nbytes for file in made] == [10 * 2 * 64 * 4]
    assert torch.equal(small.embeddings, large.embeddings)
    assert torch.equal(small[[3, 1]][0], large[[3, 1]][0])


@pytest.mark.parametrize("strategy", ["drop", "flip"])
def test_a_random_backbone_trains_its_head_on_the_cache(
    strategy, settings, multiclass, start, tmp_path
):
    up = start(strategy)
    before = load_checkpoint(up)[0]
    after, _ = fixed_phase(
        strategy,
        settings,
        multiclass,
        up,
        tmp_path / "out.safetensors",
        cache="embeddings",
        views=3,
    )
    backbone = [name for name in before if not name.startswith("head")]
    assert backbone
    assert all(torch.equal(before[name], after[name]) for name in backbone)

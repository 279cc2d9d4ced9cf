"""Scores of frames: drawn with those of the clip, written by batches, read clip by clip."""

import h5py
import numpy as np
import pytest
import torch
from dummies import random_predictions
from scipy.stats import entropy

from vipann.errors import UserError
from vipann.evaluation.frames import FrameWriter, read_frame_facts, read_frames
from vipann.evaluation.predict import SamplingPlan, sample
from vipann.evaluation.predictions import pack, read_predictions, write_predictions
from vipann.models.clip_rng import clip_keys
from vipann.models.pooling import MultiHeadAttention
from vipann.models.strategies import build_transferred

CLIPS, CLASSES = 5, 4


def network_of(strategy, paper_network, pooling="mean"):
    model = {"encoder": "frame_mlp", "frame_mlp": {"hidden": 12, "dropout": 0.3}, "head": "linear"}
    model |= {"pooling": pooling, "pooled": "scores"}
    torch.manual_seed(0)
    return build_transferred(strategy, CLASSES, paper_network | {"model": model}).eval()


@pytest.fixture
def clips():
    return torch.randn(CLIPS, 9, 64, generator=torch.Generator().manual_seed(1))


def found(network, clips, frame_scores=True, rows=range(CLIPS)):
    keys = clip_keys(3, [f"clip{row}" for row in rows])
    plan = SamplingPlan(4, 2, seed=3, frame_scores=frame_scores)
    return sample(network, clips[list(rows)], keys, "multilabel", plan)


@pytest.mark.parametrize("strategy", ["det", "drop", "flip"])
@pytest.mark.parametrize("pooling", ["mean", "linear_softmax"])
def test_frames_are_of_the_same_draws_as_the_clip(strategy, pooling, paper_network, clips):
    network = network_of(strategy, paper_network, pooling)
    replications, without = found(network, clips), found(network, clips, frame_scores=False)
    assert len(replications) == (1 if strategy == "det" else 2)
    for one, plain in zip(replications, without, strict=True):
        assert torch.equal(one.mean_probability, plain.mean_probability)
        assert torch.equal(one.epistemic, plain.epistemic)
        assert one.frame_probability.shape == (CLIPS, 9, CLASSES)
        is_random = strategy != "det"
        assert (one.frame_epistemic > 0).any() == is_random
        if pooling == "mean":
            pooled = one.frame_probability.mean(dim=1)
            torch.testing.assert_close(one.mean_probability, pooled, rtol=1e-4, atol=2e-6)
    # A frame's mutual information, of passes one by one.
    passes = [found_alone(network, clips, number) for number in range(4)]
    p = torch.stack(passes).numpy()
    expected = entropy([p.mean(0), 1 - p.mean(0)]) - entropy([p, 1 - p], axis=0).mean(0)
    np.testing.assert_allclose(replications[0].frame_epistemic.numpy(), expected, atol=1e-6)


def found_alone(network, clips, number):
    """Sample `number` of replication 0 by itself: the difference of two means of samples."""
    keys = clip_keys(3, [f"clip{row}" for row in range(CLIPS)])
    means = [
        sample(network, clips, keys, "multilabel", SamplingPlan(n, 1, 3, frame_scores=True))[0]
        for n in (number, number + 1)
        if n
    ]
    total = means[-1].frame_probability * (number + 1)
    return total - (means[0].frame_probability * number if number else 0)


def test_neither_batches_nor_order_change_a_frame(paper_network, clips):
    network = network_of("flip", paper_network, "linear_softmax")
    whole = found(network, clips)[1].frame_probability
    mixed = found(network, clips, rows=[3, 0])[1].frame_probability
    torch.testing.assert_close(mixed, whole[[3, 0]], rtol=1e-4, atol=1e-6)


def test_heads_of_attention_give_a_frame_their_weighted_sum():
    pooling = MultiHeadAttention(CLASSES, 6, heads=2)
    with torch.no_grad():
        pooling.head_weight.copy_(torch.tensor([0.75, 0.5]))
    scores = torch.rand(3, 7, 2 * CLASSES, generator=torch.Generator().manual_seed(2))
    expected = (0.75 * scores[..., :CLASSES] + 0.5 * scores[..., CLASSES:]).clamp(0, 1)
    torch.testing.assert_close(pooling.of_classes(scores), expected)
    assert (expected == 1).any()
    one = MultiHeadAttention(CLASSES, 6, heads=1)
    assert torch.equal(one.of_classes(scores[..., :CLASSES]), scores[..., :CLASSES])


def written(path, batches=(2, 3)):
    """A predictions file with frames in batches; and both whole, (R, N, T', C)."""
    rng = np.random.default_rng(7)
    probability = rng.random((3, CLIPS, 6, CLASSES))
    epistemic = 0.3 * entropy([probability, 1 - probability], axis=0)
    with h5py.File(path, "w") as file:
        writer, start = FrameWriter(file, CLIPS), 0
        for size in batches:
            chosen = slice(start, start + size)
            writer.add(probability[:, chosen], epistemic[:, chosen])
            start += size
        pack(random_predictions(clips=CLIPS, classes=CLASSES), file)
    return probability, epistemic


def test_a_file_gives_back_its_frames_to_three_digits(tmp_path):
    path = tmp_path / "p.h5"
    probability, epistemic = written(path)
    facts, clips = read_frame_facts(path), list(read_frames(path))
    assert facts.clip_ids == [clip.clip_id for clip in clips] == [f"c{i}" for i in range(CLIPS)]
    assert (facts.classes, facts.clip_seconds) == ([f"class{i}" for i in range(CLASSES)], 5.0)
    for number, clip in enumerate(clips):
        p, part = probability[:, number], epistemic[:, number]
        np.testing.assert_allclose(clip.probability, p.mean(0), atol=2.5e-4)
        aleatoric = (entropy([p, 1 - p], axis=0) - part).mean(0)
        np.testing.assert_allclose(clip.aleatoric, aleatoric, atol=2e-3)
        whole = entropy([p.mean(0), 1 - p.mean(0)], axis=0)
        np.testing.assert_allclose(clip.aleatoric + clip.epistemic, whole, atol=2e-3)


def test_readers_of_clips_do_without_frames_and_the_other_way_round(tmp_path):
    with_frames, without = tmp_path / "with.h5", tmp_path / "without.h5"
    written(with_frames)
    own = random_predictions(clips=CLIPS, classes=CLASSES)
    write_predictions(own, without)
    for path in (with_frames, without):
        read = read_predictions(path)
        np.testing.assert_array_equal(read.mean_probability, own.mean_probability)
    with pytest.raises(UserError, match=r"without\.h5.*evaluation\.frame_scores: true"):
        read_frame_facts(without)
    (tmp_path / "torn.h5").write_bytes(with_frames.read_bytes()[:100])
    with pytest.raises(UserError, match=r"torn\.h5"):
        next(read_frames(tmp_path / "torn.h5"))

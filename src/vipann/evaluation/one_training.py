"""Ensembles from one training: the networks after its last epochs, and networks drawn from SWAG's
Gaussian around them (`vipann.training.swag`)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vipann.evaluation.decomposition import Decomposition
from vipann.evaluation.predict import SamplingPlan, opened, score
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, write_predictions
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.models.network import Network
from vipann.strategies import CHECKPOINTS, SWAG
from vipann.training.sampling import rows_for
from vipann.training.swag import Drawn

_NAMES = ("mean_probability", *UNCERTAINTIES)


def predict_from_one_training(
    method: str,
    checkpoints: Sequence[Path],
    features: Path,
    outside: Path | None,
    settings: Mapping[str, Any],
    accelerator: str,
    batch_size: int,
    outs: Sequence[Path],
) -> None:
    """Write the predictions of the test clips of the networks' fold to the first of `outs` and,
    where `outside` is a features file, of its clips to the second; one replication each.

    method: of `vipann.strategies.FROM_ONE_TRAINING`; checkpoints: after epochs of one training, in
    its order. settings: `samples` (networks drawn by SWAG) and `rank`, `split` (of the validation
    fold, which is not heard), `seed`, `precision`, `dataset`, `scored_dataset` (of `outside`).
    """
    network, facts, device, precision = opened(checkpoints[-1], accelerator, settings["precision"])
    plan = SamplingPlan(1, 1, settings["seed"], precision)
    about = [(features, settings["dataset"]), (outside, settings["scored_dataset"])]
    heard = [(FeatureStore(path), scored) for path, scored in about if path is not None]
    own = heard[0][0]
    rows = [own.rows(folds=[facts["fold"]]), *(store.rows() for store, _ in heard[1:])]
    members = [Decomposition[np.ndarray](facts["task"]) for _ in heard]
    for _ in _networks(method, network, checkpoints, own, settings, batch_size):
        for (store, _), chosen, member in zip(heard, rows, members, strict=True):
            found = score(network, store, chosen, facts["task"], plan, batch_size, device)
            member.add(found["mean_probability"][0].astype(np.float64))
    for (store, scored), chosen, member, out in zip(heard, rows, members, outs, strict=True):
        labels = np.asarray(store.labels)[chosen]
        predictions = Predictions(
            **{name: getattr(member, name)[None].astype(np.float32) for name in _NAMES},
            **{name: facts[name] for name in ("task", "phase", "fold")},
            strategy=method,
            dataset=settings["dataset"],
            scored_dataset=scored,
            mc_samples=member.samples,
            seed=settings["seed"],
            labels=labels if scored == settings["dataset"] else labels[:, :0],
            classes=tuple(facts["classes"]),
            clip_id=np.asarray(store.clip_ids)[chosen],
            recording=store.recording[chosen],
            clip_seconds=store.clip_seconds,
        )
        write_predictions(predictions, out)
        store.close()


def _networks(
    method: str,
    network: Network,
    checkpoints: Sequence[Path],
    store: FeatureStore,
    settings: Mapping[str, Any],
    batch_size: int,
) -> Iterator[None]:
    """Give the network the weights of one member after the other."""
    if method == CHECKPOINTS:
        for path in checkpoints:
            state, _ = load_checkpoint(path)
            network.load_state_dict(state, strict=True)
            yield
        return
    fold = int(load_checkpoint(checkpoints[-1])[1]["fold"])
    rows = rows_for(store, fold, settings["split"]).training
    seed = settings["seed"]
    drawn = Drawn(network, checkpoints, settings["rank"], store, rows, batch_size, seed)
    for number in range(settings["samples"]):
        drawn.set(number, low_rank=method == SWAG)
        yield

"""What the networks of a model folder say of windows of sound."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vipann.devices import resolved_precision
from vipann.errors import UserError
from vipann.evaluation.decomposition import entropy
from vipann.evaluation.energy import energy
from vipann.evaluation.predict import SamplingPlan, sample
from vipann.features.audio import AudioFrontEnd, front_end_of
from vipann.models.clip_rng import clip_keys
from vipann.models.flipout import fixed_posteriors
from vipann.models.mean_weights import mean_network
from vipann.models.network import Network, Step
from vipann.models.strategies import certain_steps, rebuild
from vipann.seeds import derive_seed
from vipann.survey.model import Model


class Scores(NamedTuple):
    """Of N windows: probability (N, C) in [0, 1]; total, aleatoric, epistemic (N,) in nats; ood
    (N,), higher is stranger (`vipann.evaluation.energy`). float32."""

    probability: np.ndarray
    total: np.ndarray
    aleatoric: np.ndarray
    epistemic: np.ndarray
    ood: np.ndarray

    def part(self, first: int, count: int) -> "Scores":
        """Of `count` windows from the one numbered `first` on."""
        return Scores(*(values[first : first + count] for values in self))


class _Rest:
    """A network from its step `start` on, as `vipann.evaluation.predict.sample` runs one."""

    def __init__(self, network: Network, start: int) -> None:
        self.classify, self.pooled = network.classify, network.pooled
        self.classify_frames = network.classify_frames
        self._steps = network.stages()[start:]

    def stages(self) -> list[Step]:
        return self._steps


class Scorer:
    """The networks of all folds, averaged: equations 1 to 8 over samples and folds together.

    What they have in common before the first random layer, a frozen backbone, is computed once for
    all of them. A window's draws depend on its name and `seed` only, so that scores do not depend
    on how windows are batched, or in which order recordings are heard.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        *,
        mc_samples: int | None = None,
        seed: int | None = None,
        precision: str = "float32",
    ) -> None:
        facts = model.facts
        self.task, self.device = model.task, device
        self.precision = resolved_precision(precision, device)
        self.mc_samples = mc_samples or facts["mc_samples"]
        self.seed = facts["seed"] if seed is None else seed
        self.networks = networks_of(model, device)
        # Without their chance; they hold the same tensors, not copies.
        self.means = [
            mean_network(facts, network.state_dict()).to(device)
            for network in self.networks.values()
        ]
        self.front_end = front_end_for(model)
        # So many steps before `classify` draw nothing; so many of these are the same in all folds.
        first, *_ = self.networks.values()
        self.certain = certain_steps(first.stages()[:-1])
        self.common = _common_steps(list(self.networks.values()), self.certain)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """While it scores: sigmas are computed once."""
        with ExitStack() as stack:
            for network in self.networks.values():
                stack.enter_context(fixed_posteriors(network))
            yield

    @torch.inference_mode()
    def score(self, features: np.ndarray, names: Sequence[str]) -> Scores:
        """Features (N, T, M), or (N, S), as a features file holds them, of windows so named."""
        x = torch.from_numpy(features).float().to(self.device)
        x = self._through(next(iter(self.networks.values())), x, 0, self.common)
        probability, aleatoric, logits = [], [], []
        for (fold, network), mean in zip(self.networks.items(), self.means, strict=True):
            own = self._through(network, x, self.common, self.certain)
            seed = derive_seed(self.seed, "survey", fold)
            plan = SamplingPlan(self.mc_samples, 1, seed, self.precision)
            keys = clip_keys(seed, names).to(self.device)
            rest = cast(Network, _Rest(network, self.certain))
            (sampled,) = sample(rest, own, keys, self.task, plan)
            probability.append(sampled.mean_probability)
            aleatoric.append(sampled.aleatoric)
            logits.append(self._through(mean, own, self.certain, None).float())
        p, inside = torch.stack(probability).mean(0), torch.stack(aleatoric).mean(0)
        total = entropy(p, self.task)
        strange = energy(torch.stack(logits).cpu().numpy(), self.task).mean(axis=0)
        found = (p, total, inside, (total - inside).clip(0.0), torch.from_numpy(strange))
        return Scores(*(value.float().cpu().numpy() for value in found))

    def _through(self, network: Network, x: Tensor, first: int, end: int | None) -> Tensor:
        """From what step `first` takes to what step `end` takes; None: to the logits."""
        with torch.autocast(self.device.type, torch.bfloat16, self.precision == "bfloat16"):
            for step, _ in network.stages()[first:end]:
                x = step(x)
        return x


def front_end_for(model: Model) -> AudioFrontEnd:
    """How the model hears audio.

    Raises:
        UserError: its networks do not hear audio, but released embeddings, or its front end is not
            one of this version.
    """
    try:
        front_end = front_end_of(model.facts["features"])
    except TypeError as error:
        raise UserError(
            f"{model.folder} was trained with a front end of another version of vipann ({error}): "
            "install that version, or train and export the model again."
        ) from None
    if not isinstance(front_end, AudioFrontEnd):
        raise UserError(
            f"{model.folder} was trained on features that others released "
            f"({model.facts['features']['front_end']}), which cannot be made of recordings here."
        )
    return front_end


def networks_of(model: Model, device: torch.device) -> dict[int, Network]:
    """The networks by fold, in evaluation mode, on `device`.

    Raises:
        UserError: the weights are broken, or are not those of the network in config.json.
    """
    networks = {}
    for fold, state in states_of(model):
        try:
            network = rebuild(model.facts, state)
        except (RuntimeError, KeyError, TypeError) as error:
            raise UserError(
                f"the weights of fold {fold} do not fit the network of {model.folder}/config.json: "
                f"export the model again ({str(error).splitlines()[0]})."
            ) from None
        networks[fold] = network.eval().to(device)
    return networks


def states_of(model: Model) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Each fold's number and all tensors of its network.

    Raises:
        UserError: a file is broken.
    """
    files, folds = model.weight_files, len(model.folds)
    common: dict[str, Tensor] = {}
    for path in files[:-folds]:
        common |= _tensors_in(path)
    for fold, path in zip(model.folds, files[-folds:], strict=True):
        yield fold, common | _tensors_in(path)


def _tensors_in(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is broken ({error}): copy the model again.") from None


def _common_steps(networks: Sequence[Network], certain: int) -> int:
    """How many of the first `certain` steps are the same in all networks."""
    steps = [network.stages()[:certain] for network in networks]
    for number, same in enumerate(zip(*steps, strict=True)):
        if not _alike([modules for _, modules in same]):
            return number
    return certain


def _alike(parts: Sequence[Sequence[nn.Module]]) -> bool:
    first, *others = [_tensors(modules) for modules in parts]
    return all(
        len(first) == len(other)
        and all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
        for other in others
    )


def _tensors(modules: Sequence[nn.Module]) -> list[Tensor]:
    found: list[Any] = [value for one in modules for value in one.state_dict().values()]
    return found

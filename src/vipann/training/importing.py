"""Weights that exist already in the place of pretraining: published ones, our own, and MOPED."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.errors import UserError
from vipann.features.saved_matrices import differences
from vipann.files import compared_sums, digest, listed_sums, matching_sum
from vipann.models.checkpoints import load_checkpoint, save_checkpoint, unnamed_classes
from vipann.models.network import Network, trainable_parameters
from vipann.models.published import CLIP_SECONDS, network_from, read_published
from vipann.models.strategies import Strategy, build_network, check_fit, moped_from, prior_of
from vipann.parts import parts_that_differ, place, published_features, settings_that_differ
from vipann.registry import declared

_FAMILY = {"det": ("det", "drop"), "drop": ("det", "drop"), "flip": ("flip",)}

_NOT_OF_THE_NETWORK = ("entry", "features", "placed")

Settings = Mapping[str, Any]


def initialise_with_moped(det: Path, settings: Settings, out: Path) -> None:
    """Write the Flipout network whose posterior means are the weights of the checkpoint `det`.

    The stage between deterministic and Flipout pretraining (section 3.1); nothing is trained.
    """
    state, facts = load_checkpoint(det)
    network = moped_from(state, len(facts["classes"]), settings)
    made = {"strategy": "flip", "phase": "moped", "settings": dict(settings)}
    save_checkpoint(network, out, facts | made)


def import_weights(strategy: Strategy, weights: Path, settings: Settings, out: Path) -> None:
    """Write the upstream checkpoint of `strategy` (det, drop or flip) from existing `weights`.

    `weights` is a .pth file as published, or a checkpoint of this project (.safetensors with its
    .json beside it) that was pretrained or made by MOPED. `settings` holds what the network's form
    needs (see `build_network`), `features`, the front end that the weights must have been trained
    on, and `entry`, the config's block of a file that the user has placed (else empty).

    Raises:
        UserError: the file is not there, has another checksum than listed, is something else, does
            not fit the network, or was trained on another front end.
    """
    _check_file(strategy, weights, settings["entry"])
    read = _read_own if weights.suffix == ".safetensors" else _read_published
    network, facts = read(strategy, weights, settings)
    print(
        f"{len(facts['classes'])} classes, {trainable_parameters(network):,} trainable parameters"
    )
    origin = facts.pop("origin") | {"file": weights.name, "sha256": digest(weights)}
    made = {"strategy": strategy, "phase": "pretrained", "fold": 0, "imported": origin}
    kept = {key: value for key, value in settings.items() if key not in _NOT_OF_THE_NETWORK}
    made |= {"features": dict(settings["features"]), "settings": kept}
    save_checkpoint(network, out, facts | made)


def _check_file(strategy: str, weights: Path, entry: Mapping[str, Any]) -> None:
    where = f"pretrain.checkpoints.{strategy}.path"
    if not weights.is_file():
        how = f" {entry['how_to_get'].strip()}" if entry.get("how_to_get") else ""
        raise UserError(
            f"{where}: {weights} is not there.{how} Put the file there, or correct the path."
        )
    if listed_sums(entry) and not matching_sum(weights, entry):
        sums = compared_sums(weights, entry)
        raise UserError(f"{where}: {weights} has the wrong checksum.\n{sums}")


def _read_published(
    strategy: Strategy, weights: Path, settings: Settings
) -> tuple[Network, dict[str, Any]]:
    published = read_published(weights)
    features = settings["features"]
    encoder = place(settings["model"], "encoder")
    known = published_features(encoder)
    needed = declared(encoder, "PUBLISHED_PARTS", default={})
    if wrong := list(parts_that_differ(needed, settings["model"])):
        raise UserError(
            f"{weights} needs another network than the config's:\n  " + "\n  ".join(wrong)
        )
    if published.front_end:
        _refuse(differences(**published.front_end, features=features), weights)
        print(
            f"not said by the file, so taken from the config: hop_length {features['hop_length']}, "
            f"amin {features['amin']:g}"
        )
    elif known:
        _refuse(settings_that_differ(known, features), weights)
    else:
        print(f"{weights} holds no STFT and mel matrices: its front end is taken on trust")
    print("the order of the classes is taken to be the upstream dataset's")
    for name in published.dropped:
        print(f"dropped, made by this project itself: {name}")
    network = network_from(strategy, published, settings, str(weights))
    return network, {
        "task": "multilabel",
        "classes": unnamed_classes(network.classes),
        "clip_seconds": CLIP_SECONDS,
        "last_step": {},
        "origin": {
            "front_end_checked": bool(published.front_end or known),
            "dropped": published.dropped,
        },
    }


def _read_own(
    strategy: Strategy, weights: Path, settings: Settings
) -> tuple[Network, dict[str, Any]]:
    state, facts = load_checkpoint(weights)
    phase, made_as = facts.get("phase"), facts.get("strategy")
    if phase not in ("pretrained", "moped") or made_as not in _FAMILY[strategy]:
        raise UserError(
            f"{weights} is a {made_as} network of phase {phase}; pretrain.checkpoints.{strategy} "
            f"takes a pretrained one: {' or '.join(_FAMILY[strategy])}"
        )
    _refuse(settings_that_differ(facts.get("features", {}), settings["features"]), weights)
    network = build_network(strategy, len(facts["classes"]), settings, prior_of(settings))
    check_fit(network.state_dict(), state, str(weights))
    network.load_state_dict(state, strict=True)
    if "clip_seconds" not in facts:
        print(f"{weights} does not say how long the clips were that it was trained on")
    origin = {"strategy": made_as, "phase": phase, "settings": facts.get("settings", {})}
    return network, facts | {"origin": origin}


def _refuse(wrong: list[str], weights: Path) -> None:
    if wrong:
        raise UserError(
            f"{weights} was trained on another front end than the config's:\n  "
            + "\n  ".join(wrong)
        )

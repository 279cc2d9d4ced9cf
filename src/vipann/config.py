"""The config: merged from files, and checked before any job with messages that name the culprit."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from vipann.datasets.label_set_blocks import label_set_faults
from vipann.datasets.registry import DRAWING_ADAPTERS
from vipann.datasets.windows import windows_name
from vipann.ensemble_faults import ensemble_faults
from vipann.errors import UserError
from vipann.folds import fold_numbers, wording
from vipann.parts import (
    Fault,
    band_fault,
    frame_faults,
    frames_of,
    imagenet_entry,
    least_frames,
    network_faults,
    own_settings,
    schema_of,
    time_unit,
    unread_faults,
)
from vipann.recipes import add_to_schema, cache_faults, recipe_faults
from vipann.strict_yaml import read_yaml
from vipann.variant_faults import variant_faults
from vipann.variants import (
    BLOCKS,
    is_on_folds,
    needs_upstream_networks,
    stage_of,
)

_LONGEST_FRAME = 66  # s: the largest hop at the lowest rate
COMMAND_LINE = "the command line (--config)"


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers over earlier ones, mappings key by key, everything else replaced."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old: Any = merged.get(key)
            both = isinstance(value, Mapping) and isinstance(old, Mapping)
            merged[key] = merge(old, value) if both else value
    return merged


def read_layer(path: Path | str) -> dict[str, Any]:
    """One config file as a mapping.

    Raises:
        UserError: the file is missing, no YAML, or no mapping, or has a key twice.
    """
    layer = read_yaml(path, "config file")
    if not isinstance(layer, dict):
        raise UserError(f"config file {path} must hold `key: value` lines")
    return layer


def check_config(config: Mapping[str, Any], schema_file: Path, files: Sequence[Path | str]) -> None:
    """Check a merged config against the schema and across keys.

    `files` are the files it was merged from, in order; a message names the last one that sets the
    faulty key.

    Raises:
        UserError: one line per fault: file, key, value and what is allowed.
    """
    schema = full_schema(schema_file)
    layers = [(os.path.relpath(path), read_layer(path)) for path in files]
    faults = list(_schema_faults(config, schema))
    if not faults:
        faults = [*_cross_faults(config), *unread_faults([layer for _, layer in layers])]
        faults += _variant_faults(config, schema, faults)
    if faults:
        lines = [
            f"{_origin(key, config, layers)}: {key or '(top level)'}: {text}"
            for key, text in faults
        ]
        raise UserError("the config has faults:\n  " + "\n  ".join(lines))


def full_schema(schema_file: Path) -> dict[str, Any]:
    """The schema in the file, with what the parts of networks and the recipes say of theirs."""
    schema = yaml.safe_load(schema_file.read_text(encoding="utf-8"))
    schema["properties"] |= {block: schema_of(block) for block in ("features", "model")}
    add_to_schema(schema)
    return schema


def derived_config(config: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """The run's config with what a variant departs from it in."""
    departure = config["variants"][variant]
    return merge(config, {key: value for key, value in departure.items() if key in BLOCKS})


def imagenet_entries(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files of ImageNet weights of the run's encoder and of those of its variants."""
    variants = [derived_config(config, name) for name in config["variants"]]
    found = [imagenet_entry(one["model"]) for one in (config, *variants)]
    return [entry for entry in found if entry]


def in_order(value: Any) -> Any:
    """The same with the keys of every mapping sorted, at any depth.

    Snakemake compares what a parameter prints as: so the order of a config file's keys is no
    reason to rerun. Lists stay as they are; where the order of a mapping has a meaning, pass a
    list of pairs.
    """
    if isinstance(value, Mapping):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def mirror_of(config: Mapping[str, Any]) -> str | None:
    """Where archives are looked for before the network: `data.mirror`, else VIPANN_MIRROR."""
    return config["data"]["mirror"] or os.environ.get("VIPANN_MIRROR") or None


def archive_entries(dataset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is fetched for a dataset's block: archives, and files on its classes."""
    on_classes = (dataset.get(key) for key in ("ontology", "label_quality"))
    return [*dataset.get("archives", []), *filter(None, on_classes)]


def folds_of(config: Mapping[str, Any], dataset: str) -> list[int]:
    """The folds of `dataset` that this run tests."""
    chosen = config["transfer"]["folds"]
    every = fold_numbers(config["datasets"][dataset]["folds"])
    return every if chosen == "all" else [fold for fold in every if fold in chosen]


def trained_upstream(pretrain: Mapping[str, Any]) -> list[str]:
    """The upstream networks that the config's `pretrain` block trains; the others are imported."""
    if pretrain["source"] == "train":
        return ["det", "drop", "flip"]
    imported = pretrain["checkpoints"].get("flip") or not pretrain["steps"]["flip"]
    return [] if imported else ["flip"]


def _schema_faults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Fault]:
    validator = _jsonschema().Draft202012Validator
    for error in validator(schema).iter_errors(config):
        yield from _explain(error)
    for name, block in config.get("datasets", {}).items():
        adapter = block.get("adapter") if isinstance(block, Mapping) else None
        if adapter not in schema["$defs"]["options"]:
            continue
        options = {"$ref": f"#/$defs/options/{adapter}", "$defs": schema["$defs"]}
        for error in validator(options).iter_errors(block.get("options", {})):
            yield from _explain(error, "datasets", name, "options")


def _variant_faults(
    config: Mapping[str, Any], schema: Mapping[str, Any], known: Sequence[Fault]
) -> Iterator[Fault]:
    """Of the blocks of variants, without those of the run's own, which are known; then of names and
    numbers."""
    derived = {name: derived_config(config, name) for name in config["variants"]}
    faults = []
    for name, departure in config["variants"].items():
        changed = [block for block in BLOCKS if block in departure]
        own = {block: schema["properties"][block] for block in changed}
        blocks = {block: derived[name][block] for block in changed}
        found = list(_schema_faults(blocks, {"properties": own, "$defs": schema["$defs"]}))
        found = found or [*_derived_faults(config, derived[name], departure)]
        for key, text in (fault for fault in found if fault not in known):
            inside = _look_up(departure, key)[0]
            faults.append(
                (f"variants.{name}" + f".{key}" * inside, f"{key}: " * (not inside) + text)
            )
    yield from faults or variant_faults(config, derived)


def _derived_faults(
    config: Mapping[str, Any], derived: Mapping[str, Any], departure: Mapping[str, Any]
) -> Iterator[Fault]:
    """What contradicts itself in a config with a departure in, as far as its stage reads it."""
    names = derived["transfer_datasets"] if is_on_folds(departure) else [derived["upstream"]]
    others = {"pretrain", "transfer", "scratch"} - {stage_of(departure)}
    if not is_on_folds(departure):
        yield from frame_faults(derived)
    for key, text in (
        *recipe_faults(derived),
        *network_faults(derived),
        *_band_faults(derived["features"]),
        *_length_faults(derived, names),
        *cache_faults(derived),
    ):
        if key.partition(".")[0] not in others:
            yield key, text
    yield from unread_faults([config, departure])


def _jsonschema() -> ModuleType:
    """The library, without a grammar that it builds, for more than a second, where it is installed:
    of a format that no schema here uses."""
    is_free = sys.modules.setdefault("rfc3987_syntax", None) is None  # type: ignore[arg-type]
    import jsonschema

    if is_free:
        del sys.modules["rfc3987_syntax"]
    return jsonschema


def _explain(error: Any, *prefix: str) -> Iterator[Fault]:
    """What is wrong, in jsonschema's words, of the one alternative that the value was meant for or,
    where that is not clear, of each."""
    error = _jsonschema().exceptions.best_match([error])
    path = ".".join(map(str, (*prefix, *error.absolute_path)))
    if error.validator == "additionalProperties" and error.validator_value is False:
        allowed = sorted(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - set(allowed), key=str):
            yield (
                f"{path}.{key}".lstrip("."),
                f"unknown key; allowed here: {', '.join(allowed) or 'none'}",
            )
    elif error.context:
        yield path, "; ".join(inner.message for inner in error.context)
    else:
        comment = error.schema.get("$comment")
        yield path, f"{error.message}; {comment}" if comment else error.message


def _cross_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _role_faults(config)
    yield from _fold_faults(config)
    yield from _weights_faults(config["pretrain"])
    yield from cache_faults(config)
    yield from recipe_faults(config)
    yield from network_faults(config)
    yield from frame_faults(config)
    low, high = (config["events"][key] for key in ("low", "high"))
    if low > high:
        yield "events.low", f"{low:g} is not allowed; must be at most events.high ({high:g})"
    yield from _length_faults(config, [config["upstream"], *config["transfer_datasets"]])
    yield from label_set_faults(config)
    yield from ensemble_faults(config)
    yield from _band_faults(config["features"])
    for name, block in config["datasets"].items():
        found = block["options"].get("path") or block.get("archives")
        if block["adapter"] == "folder" and not found:
            place = f"datasets.{name}.options"
            yield place, "needs `path` (a folder), or the dataset `archives`"


def _role_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    transferred = enumerate(config["transfer_datasets"])
    roles = [
        ("upstream", config["upstream"], "multilabel"),
        ("ood", config["ood"], None),
        *((f"transfer_datasets.{i}", name, "multiclass") for i, name in transferred),
    ]
    for key, name, task in roles:
        if name is None:
            continue
        block = config["datasets"].get(name)
        if block is None:
            known = ", ".join(sorted(config["datasets"]))
            yield key, f"{name!r} is not a key of `datasets`; known: {known}"
        elif task and block["task"] != task:
            yield key, f"{name!r} has task {block['task']!r}; must be {task!r}"
        elif "clip_seconds" not in block and (task or _draws_clips(block)):
            drawn = f", which adapter {block['adapter']} draws" if _draws_clips(block) else ""
            yield f"datasets.{name}", f"lacks `clip_seconds`, the length of its clips{drawn}"
        elif task and config["ood"] is not None:
            windows = windows_name(config["ood"], block["clip_seconds"])
            if windows in config["datasets"]:
                text = f"is what the windows of {config['ood']!r} are called in paths: rename it"
                yield f"datasets.{windows}", text
    is_trained = needs_upstream_networks(config) and trained_upstream(config["pretrain"])
    if config["upstream"] is None and is_trained:
        text = "null is not allowed where upstream networks are trained: set pretrain.source: "
        text += "checkpoint, and pretrain.steps.flip: 0 or weights for pretrain.checkpoints.flip"
        yield "upstream", text
    if config["upstream"] is None and not config["transfer_datasets"]:
        yield "transfer_datasets", "names none, and `upstream` is null: there is nothing to do"


def _draws_clips(block: Mapping[str, Any]) -> bool:
    """Whether the workflow makes a dataset's audio, in files of one clip each."""
    return block["adapter"] in DRAWING_ADAPTERS and block["options"].get("set") != "ships"


def _fold_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    chosen = config["transfer"]["folds"]
    validated = config["validation"]["split"] != "none"
    if config["validation"]["select"] == "best" and not validated:
        text = "'best' needs a validation fold: set validation.split: next_fold"
        yield "validation.select", text
    for name in config["transfer_datasets"]:
        declared = config["datasets"].get(name, {}).get("folds", 0)
        folds = fold_numbers(declared)
        needed = 3 if validated else 2
        if len(folds) < needed:
            why = " with validation.split: next_fold" if validated else ""
            text = f"{declared} is not allowed; transfer needs at least {needed}{why}"
            yield f"datasets.{name}.folds", text
        elif chosen != "all" and (outside := [fold for fold in chosen if fold not in folds]):
            text = f"{outside} is out of range; {name} has folds {wording(folds)}"
            yield "transfer.folds", text


def _weights_faults(pretrain: Mapping[str, Any]) -> Iterator[Fault]:
    blocks = {name: block for name, block in pretrain["checkpoints"].items() if block}
    for name, block in blocks.items():
        key = f"pretrain.checkpoints.{name}"
        if ("file" in block) == ("path" in block):
            yield key, "needs either `file` (to download) or `path` (placed by you)"
        elif "file" in block and not (block.get("md5") or block.get("sha256")):
            yield key, "`file` needs `md5` or `sha256`: unverified files are refused"
        elif block.get("file", "").endswith(".safetensors"):
            yield key, "a checkpoint of this project is named by `path`; its .json lies beside it"
        elif "path" in block and ("url" in block or "mirror_path" in block):
            yield key, "`path` names a file that is there; `url` and `mirror_path` go with `file`"
    if pretrain["source"] == "checkpoint" and "det" not in blocks:
        text = "'checkpoint' needs pretrain.checkpoints.det, the deterministic weights "
        yield "pretrain.source", text + "(`file`, `url` and `md5`, or `path`)"
    if pretrain["source"] == "checkpoint" and pretrain["start"] != "random":
        text = f"{pretrain['start']!r} is not allowed with pretrain.source: checkpoint"
        yield "pretrain.start", text
    if pretrain["source"] == "train" and pretrain["steps"]["flip"] == 0:
        text = "0 is not allowed; must be at least 1 with pretrain.source: train"
        yield "pretrain.steps.flip", text


def _band_faults(features: Mapping[str, Any]) -> Iterator[Fault]:
    front_end = own_settings(features, "front_end")
    if "fmax" in front_end and (fault := band_fault(front_end)):
        yield f"features.{features['front_end']}.{fault[0]}", fault[1]


def _length_faults(config: Mapping[str, Any], names: Sequence[str | None]) -> Iterator[Fault]:
    """Those of these datasets whose `clip_seconds` make fewer frames than the network takes.

    Their shorter files are no fault: they are padded to `clip_seconds`. The out-of-distribution set
    is heard in windows of these lengths.
    """
    features, needed = config["features"], least_frames(config["model"])
    for name in dict.fromkeys(names):
        seconds = config["datasets"].get(name, {}).get("clip_seconds")
        if seconds is None or (frames := frames_of(features, seconds)) >= needed:
            continue
        hundredths = range(1, 100 * needed * _LONGEST_FRAME)
        least = next(s / 100 for s in hundredths if frames_of(features, s / 100) >= needed)
        front_end = features["front_end"]
        hops = "hop_length" in own_settings(features, "front_end")
        other = f", or lower features.{front_end}.hop_length" if hops else ""
        yield (
            f"datasets.{name}.clip_seconds",
            f"{seconds:g} is not allowed; {config['model']['encoder']} needs {needed} "
            f"{time_unit(features)}, and features make {frames} of it: must be at least "
            f"{least:g}{other}",
        )


def _origin(
    key: str, config: Mapping[str, Any], layers: Sequence[tuple[str, Mapping[str, Any]]]
) -> str:
    """The last file that sets the key, unless the value came in by the command line."""
    for name, layer in reversed(layers):
        found, value = _look_up(layer, key)
        if found:
            mapping = isinstance(value, Mapping)
            return name if mapping or value == _look_up(config, key)[1] else COMMAND_LINE
    return COMMAND_LINE


def _look_up(layer: Any, key: str) -> tuple[bool, Any]:
    """Whether there is something at a dotted key inside nested mappings and lists, and what."""
    for part in filter(None, key.split(".")):
        try:
            layer = layer[int(part) if isinstance(layer, list) else part]
        except (KeyError, IndexError, TypeError):
            return False, None
    return True, layer

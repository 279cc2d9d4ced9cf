# What the config says of networks, as inputs and settings of their jobs.

BACKBONE_OF = {"det": "det", "drop": "drop", "det_flip": "det", "flip": "flip"}


def weights_of(strategy: str) -> str | None:
    """The file that `strategy` is imported from, None where it is trained."""
    if strategy in trained_upstream(config["pretrain"]):
        return None
    if block := config["pretrain"]["checkpoints"].get(strategy):
        return block.get("path") or f"{DATA}/weights/{strategy}/{block['file']}"
    return upstream_checkpoint_of("moped" if strategy == "flip" else "det")


def weights_entry(strategy: str) -> dict:
    """The config's block of the file of `strategy`; empty where MOPED or `det` gives the weights."""
    return dict(config["pretrain"]["checkpoints"].get(strategy) or {})


def weights_inputs(strategy: str) -> list[str]:
    """The imported file, with its sidecar if it has one.

    A file that the user has yet to place is left out: then the job says where it comes from.
    """
    weights = weights_of(strategy)
    if "path" in weights_entry(strategy) and not Path(weights).exists():
        return []
    own = weights.endswith(".safetensors")
    return [weights, weights.removesuffix(".safetensors") + ".json"] if own else [weights]


def one_of(strategies: list[str]) -> str:
    """A wildcard constraint; without any strategy, one that nothing matches."""
    return "|".join(strategies) or "(?!)"


def arithmetic() -> dict:
    """The keys of `training` that change a training's result, if only in the last digits."""
    keys = ("precision", "compile", "channels_last", "gradient_clip", "sync_batchnorm")
    return {key: config["training"][key] for key in keys}


def pretraining_settings(strategy: str) -> dict:
    left_out = ("source", "checkpoints", "gpus", "validate_every")
    block = {k: v for k, v in config["pretrain"].items() if k not in left_out}
    return block | {"steps": block["steps"][strategy]} | arithmetic()


def transfer_start(wildcards) -> str:
    if wildcards.phase == "fixed":
        return upstream_checkpoint_of(BACKBONE_OF[wildcards.strategy])
    return checkpoint_of(wildcards.strategy, wildcards.dataset, wildcards.fold, "fixed")


def validation_settings() -> dict:
    """The validation block, or no more of it than that nothing is validated."""
    block = config["validation"]
    return dict(block) if block["split"] != "none" else {"split": "none"}


def transfer_settings(phase: str) -> dict:
    """The transfer block as one phase sees it: its own keys lifted, the other phase left out."""
    block = config["transfer"]
    shared = ("batch_size", "amsgrad", "mixup_alpha", "spec_augment")
    lifted = {key: block[key] for key in shared} | {"validation": validation_settings()}
    return lifted | block[phase] | arithmetic()


def scratch_settings() -> dict:
    left_out = ("strategies", "gpus")
    kept = {k: v for k, v in config["scratch"].items() if k not in left_out}
    return kept | {"validation": validation_settings()} | arithmetic()


def prediction_settings(*words: object, dataset: str, scored_dataset: str, **rows: object) -> dict:
    keys = ("mc_samples", "replications", "precision")
    return settings(
        "predict.py",
        *words,
        chosen=chosen_parts(config),
        dataset=dataset,
        scored_dataset=scored_dataset,
        rows=rows,
        **{key: config["evaluation"][key] for key in keys},
    )


def ood_features(dataset: str) -> str | list:
    """What the networks of `dataset` hear of the out-of-distribution set; [] where there is none."""
    return f"{RESULTS}/features/{OOD_WINDOWS[dataset]}.h5" if dataset in OOD_WINDOWS else []


def scored_out_of_distribution(dataset: str) -> list[str]:
    """The networks of `dataset` that score the out-of-distribution set."""
    if OOD is None:
        return []
    phases = ("pretrained", *config["evaluation"]["ood_phases"])
    return [model for model in models_of(dataset) if model.endswith(phases)]


def validated_sidecars() -> dict[str, str]:
    """`dataset/strategy/fold/phase` of every network that is validated, with its sidecar."""
    return {
        f"{dataset}/{model}": f"{RESULTS}/checkpoints/{dataset}/{model}.json"
        for dataset in TRANSFER_DATASETS
        for model in models_of(dataset)
    }


def there(folder: str, pattern: str) -> list[str]:
    """Files below a folder of the run, as they are now."""
    return sorted(str(path) for path in Path(folder).glob(pattern))

# Pretraining on the multi-label upstream set (section 3.4): det and drop from a random start,
# flip from MOPED. Or, with `pretrain.source: checkpoint`, weights that exist already.


def weights_of(strategy: str) -> str | None:
    """The file that `strategy` is imported from, None where it is trained."""
    if config["pretrain"]["source"] == "train":
        return None
    if block := config["pretrain"]["checkpoints"].get(strategy):
        return block.get("path") or f"{DATA}/weights/{strategy}/{block['file']}"
    if strategy == "drop":
        return upstream_checkpoint_of("det")
    return None if config["pretrain"]["steps"]["flip"] else upstream_checkpoint_of("moped")


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


def pretraining_settings(strategy: str) -> dict:
    block = {k: v for k, v in config["pretrain"].items() if k not in ("source", "checkpoints")}
    return block | {"steps": block["steps"][strategy]}


IMPORTED_STRATEGIES = [s for s in UPSTREAM_STRATEGIES if weights_of(s)]
TRAINED_STRATEGIES = [s for s in UPSTREAM_STRATEGIES if not weights_of(s)]


rule pretrain:
    input:
        features=f"{RESULTS}/features/{UPSTREAM}.h5",
        start=lambda w: upstream_checkpoint_of("moped") if w.strategy == "flip" else [],
    output:
        checkpoint=f"{RESULTS}/checkpoints/upstream/{{strategy}}.safetensors",
        sidecar=f"{RESULTS}/checkpoints/upstream/{{strategy}}.json",
    log:
        log_of("pretrain/{strategy}"),
    benchmark:
        f"{RESULTS}/benchmarks/pretrain/{{strategy}}.tsv"
    wildcard_constraints:
        strategy=one_of(TRAINED_STRATEGIES),
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=10080,
    params:
        settings=lambda w: settings(
            "pretrain.py",
            "pretrain",
            w.strategy,
            training=pretraining_settings(w.strategy),
            **network_settings(),
        ),
    message:
        "pretrain {wildcards.strategy}"
    script:
        "../scripts/pretrain.py"


localrules:
    download_weights,


rule download_weights:
    output:
        f"{DATA}/weights/{{strategy}}/{{file}}",
    log:
        log_of("download/weights/{strategy}/{file}"),
    wildcard_constraints:
        file=".+",
    params:
        settings=lambda w: {"entry": weights_entry(w.strategy)},
    message:
        "download weights of {wildcards.strategy}: {wildcards.file}"
    script:
        "../scripts/download.py"


rule import_weights:
    input:
        weights=lambda w: weights_inputs(w.strategy),
    output:
        checkpoint=f"{RESULTS}/checkpoints/upstream/{{strategy}}.safetensors",
        sidecar=f"{RESULTS}/checkpoints/upstream/{{strategy}}.json",
    log:
        log_of("import_weights/{strategy}"),
    wildcard_constraints:
        strategy=one_of(IMPORTED_STRATEGIES),
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        settings=lambda w: settings(
            "import_weights.py",
            entry={k: v for k, v in weights_entry(w.strategy).items() if k != "url"},
            features=dict(sorted(used_features(config).items())),
            **network_settings(),
        ),
    message:
        "import weights of {wildcards.strategy}"
    script:
        "../scripts/import_weights.py"

# What tables, figures and the notebook are made from.


def notebook_inputs() -> list[str]:
    kinds = ("metrics", "retention", "uncertainty")
    metrics = [f"{RESULTS}/metrics/{name}.{kind}.parquet" for name in TESTED for kind in kinds]
    return [*metrics, *TABLES, *FIGURES]


def metrics_of_table(wildcards) -> list[str]:
    if wildcards.number.startswith("1"):
        return [COMPLEXITY]
    datasets = [UPSTREAM] if wildcards.number == "3" else TRANSFER_DATASETS
    return [f"{RESULTS}/metrics/{dataset}.metrics.parquet" for dataset in datasets]


def paper_names() -> dict:
    names = {name: block.get("paper_name") for name, block in config["datasets"].items()}
    return {name: names[name] for name in sorted([*TESTED, *([OOD] if OOD else [])])}


def paper_clip_seconds() -> list[list]:
    """The paper's names of its datasets, in its order, each with the length of its clips."""
    blocks = PAPER["datasets"].values()
    return [[b["paper_name"], b["clip_seconds"]] for b in blocks if b.get("paper_name")]


def paper_features() -> dict:
    keys = ("sample_rate", "window_length", "hop_length", "mel_bands", "amin")
    return {key: PAPER["features"][key] for key in keys}

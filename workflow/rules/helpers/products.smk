# What tables, figures and the notebook are made from.


def notebook_inputs() -> list[str]:
    datasets = [UPSTREAM, *TRANSFER_DATASETS]
    kinds = ("metrics", "retention", "uncertainty")
    metrics = [f"{RESULTS}/metrics/{name}.{kind}.parquet" for name in datasets for kind in kinds]
    return [*metrics, *TABLES, *FIGURES]


def metrics_of_table(wildcards) -> list[str]:
    if wildcards.number.startswith("1"):
        return [COMPLEXITY]
    datasets = [UPSTREAM] if wildcards.number == "3" else TRANSFER_DATASETS
    return [f"{RESULTS}/metrics/{dataset}.metrics.parquet" for dataset in datasets]


def paper_names() -> dict:
    names = {name: block.get("paper_name") for name, block in config["datasets"].items()}
    return {name: names[name] for name in sorted([UPSTREAM, OOD, *TRANSFER_DATASETS])}


def paper_clip_seconds() -> list[list]:
    """The paper's names of its datasets, in its order, each with the length of its clips."""
    blocks = PAPER["datasets"].values()
    return [[b["paper_name"], b["clip_seconds"]] for b in blocks if b.get("paper_name")]


def paper_features() -> dict:
    keys = ("sample_rate", "window_length", "hop_length", "mel_bands", "amin")
    return {key: PAPER["features"][key] for key in keys}


# The file of a dataset's metrics that each kind of figure is drawn from.
FIGURE_DATA = {"retention": "retention", "phases": "retention", "boxplot": "uncertainty"}
FIGURE_TITLES = {
    "retention": "retention, strategies compared",
    "phases": "retention, fixed against fine-tuned",
    "boxplot": "uncertainty in and out of distribution",
}
TABLE_TITLES = {
    "1": "size of the networks",
    "1_variants": "size at other clip lengths, and of pre-training networks",
    "1_parts": "what the operations are spent on",
    "2": "the datasets",
    "3": "pre-training",
    "4": "accuracy after transfer",
    "5": "accuracy from scratch",
}


def figures_of(dataset: str) -> list[str]:
    """Names, without suffix, of a dataset's figures; the upstream networks have one phase alone."""
    kinds = [kind for kind in FIGURE_DATA if dataset != UPSTREAM or kind != "phases"]
    return [f"{kind}_{dataset}" for kind in kinds]


def figure_labels(wildcards) -> dict:
    paper_name = paper_names().get(wildcards.dataset)
    return {
        "figure": figure_name(wildcards.figure, paper_name, wildcards.dataset == UPSTREAM),
        "dataset": paper_name or wildcards.dataset,
        "kind": FIGURE_TITLES[wildcards.figure],
    }


def figure_settings(wildcards) -> dict:
    """What is drawn, and what the caption says of it."""
    dataset, names = wildcards.dataset, paper_names()
    folds = 0 if dataset == UPSTREAM else len(folds_of(config, dataset))
    return settings(
        "figure.py",
        style=config["figures"],
        names={name: names[name] for name in (dataset, OOD)},
        caption=figure_labels(wildcards) | {"folds": folds, "ood": names[OOD] or OOD},
    )


def table_labels(wildcards) -> dict:
    number = wildcards.get("number", "2")
    return {"table": f"Table {number.partition('_')[0]}", "about": TABLE_TITLES[number]}

# What tables and figures are made from.


def metric_files(kinds: list[str], datasets: list[str]) -> list[str]:
    return [f"{RESULTS}/metrics/{name}.{kind}.parquet" for name in datasets for kind in kinds]


def metrics_of_table(wildcards) -> list[str]:
    if wildcards.number.startswith("1"):
        return [COMPLEXITY]
    datasets = [UPSTREAM] if wildcards.number == "3" else TRANSFER_DATASETS
    return metric_files(["metrics"], datasets)


def paper_names() -> dict:
    names = {name: block.get("paper_name") for name, block in BLOCKS.items()}
    return {name: names[name] for name in sorted([*TESTED, *([OOD] if OOD else [])])}


def paper_clip_seconds() -> list[list]:
    """The paper's names of its datasets, in its order, each with the length of its clips."""
    blocks = PAPER["datasets"].values()
    return [
        [b["paper_name"], b["clip_seconds"]]
        for b in blocks
        if b.get("paper_name") and "clip_seconds" in b
    ]


def paper_features() -> dict:
    keys = ("sample_rate", "window_length", "hop_length", "mel_bands", "amin")
    settings = feature_settings(PAPER["features"])
    return {key: settings[key] for key in keys}


# The file of a dataset's metrics that each kind of figure is drawn from.
FIGURE_DATA = {"retention": "retention", "phases": "retention", "boxplot": "uncertainty"}


def figures_of(dataset: str) -> list[str]:
    """Names, without suffix, of a dataset's figures; the upstream networks have one phase alone."""
    kinds = [kind for kind in FIGURE_DATA if dataset != UPSTREAM or kind != "phases"]
    return [f"{kind}_{dataset}" for kind in kinds]


def figure_settings(wildcards) -> dict:
    """What is drawn, and what the caption says of it."""
    dataset, names = wildcards.dataset, paper_names()
    upstream = dataset == UPSTREAM
    caption = {
        "figure": figure_name(wildcards.figure, names[dataset], upstream),
        "dataset": names[dataset] or dataset,
        "folds": 0 if upstream else len(folds_of(config, dataset)),
        "ood": names.get(OOD) or OOD,
    }
    values = {}
    if wildcards.figure != "boxplot":
        values["interval"] = config["evaluation"]["interval"]
        replications = config["evaluation"]["replications"]
        caption["band"] = interval_words(replications, values["interval"])
        if upstream:
            caption["orders"] = random_orders(dataset)
    return settings(
        "figure.py",
        style=config["figures"],
        names={name: names[name] for name in (dataset, OOD) if name},
        caption=caption,
        **values,
    )


def random_orders(dataset: str) -> int:
    """How many random orders of the clips its networks' retention curves are held against: none
    where a clip has one label."""
    if BLOCKS[dataset]["task"] != "multilabel":
        return 0
    names = {name: config["datasets"][name].get("paper_name") for name in TESTED}
    return orders_needed(UPSTREAM, TRANSFER_DATASETS, names)


def claims_inputs() -> dict:
    return {
        f"{dataset}_{kind}": f"{RESULTS}/metrics/{dataset}.{kind}.parquet"
        for dataset in TESTED
        for kind in ("metrics", "retention", "uncertainty")
    }


def claims_settings() -> dict:
    datasets = {}
    for name in TESTED:
        block, training = config["datasets"][name], []
        if name != UPSTREAM:
            numbers = fold_numbers(block["folds"])
            training, _ = share_out(numbers, numbers[0], config["validation"]["split"])
        datasets[name] = {
            "paper_name": block.get("paper_name"),
            "training_folds": len(training),
        }
    return settings(
        "claims.py",
        datasets=datasets,
        upstream=UPSTREAM,
        transfer=TRANSFER_DATASETS,
        interval=config["evaluation"]["interval"],
        notes=config["notes"],
    )

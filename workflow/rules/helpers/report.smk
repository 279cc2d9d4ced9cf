# What the notebooks, the report and the index are made from.


def listed(*names: str) -> list[str]:
    """The paths in the lists of these names; a list that no rule file has is empty."""
    return [path for name in names for path in globals().get(name, [])]


def pictures_of(datasets: list[str]) -> list[str]:
    shown = [path for path in SHOWN_FIGURES if path.endswith(".png")]
    own = {p: kind_and_dataset(Path(p).stem, TESTED)[1] for p in shown}
    return [path for path in shown if own[path] in datasets]


def notebook_inputs(wildcards) -> list[str]:
    """The result files that a notebook reads."""
    if wildcards.notebook == "claims":
        return [f"{RESULTS}/tables/claims.csv"]
    if wildcards.notebook == "out_of_distribution":
        shortcuts = [f"{RESULTS}/tables/shortcuts.csv"]
        return metric_files(["metrics", "uncertainty"], TESTED) + pictures_of(TESTED) + shortcuts
    if wildcards.notebook == "pretraining":
        table = [f"{RESULTS}/tables/table3.{kind}" for kind in ("csv", "md")]
        return metric_files(["retention"], [UPSTREAM]) + pictures_of([UPSTREAM]) + table
    dataset = wildcards.notebook.removeprefix("transfer_")
    return metric_files(["metrics", "retention"], [dataset]) + pictures_of([dataset])


def notebook_file(notebook: str) -> str:
    """The notebook of the repository that is executed as `notebook`."""
    name = "transfer" if notebook.startswith("transfer_") else notebook
    return f"notebooks/{name}.ipynb"


def notebook_parameters(notebook: str) -> dict:
    """The values of the notebook's first code cell; paths as seen from where it will lie."""
    parameters = {"results_dir": "..", "run": config["run"]}
    if notebook.startswith("transfer_"):
        return parameters | {"dataset": notebook.removeprefix("transfer_")}
    if notebook == "pretraining":
        return parameters | {"upstream": UPSTREAM}
    if notebook == "out_of_distribution":
        return parameters | {"datasets": TRANSFER_DATASETS, "upstream": UPSTREAM, "ood": OOD}
    return parameters


def page_of(path: str) -> str:
    return f"{RESULTS}/pages/{Path(path).stem}.html"


def caption_of(path: str) -> str:
    """The caption of a table's page: its own, else that of its category, else one for all."""
    stem = Path(path).stem
    of_category = {"Claims": "claims", BEYOND: "beyond"}.get(table_category(stem), "tables/other")
    for name in (f"tables/{stem}", of_category):
        if (ROOT / f"workflow/report/{name}.rst").exists():
            return f"../report/{name}.rst"
    return "../report/tables/other.rst"

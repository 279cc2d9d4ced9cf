import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).parent
SOURCE = ROOT / "src"
sys.path.insert(0, str(SOURCE))
# Jobs import the library of this checkout, which is the one that the fingerprints below look at.
os.environ.update(
    PYTHONPATH=os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])
)
# On a CPU, handing freed memory back to the system costs more than the network's arithmetic:
# training is two to three times as fast when malloc keeps it.
os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "17179869184")

from vipann.claims.counting import orders_needed
from vipann.config import check_config, folds_of, in_order, read_layer, trained_upstream
from vipann.datasets.registry import DRAWING_ADAPTERS
from vipann.datasets.windows import dataset_blocks, windows_of
from vipann.errors import UserError
from vipann.evaluation.interval import interval_words
from vipann.files import digest
from vipann.folds import fold_numbers, share_out
from vipann.papers.vi_pann.figures import figure_name
from vipann.plan.run import Run
from vipann.provenance.fingerprint import fingerprint
from vipann.provenance.folder import file_stamp, folder_stamp
from vipann.report.names import (
    BEYOND,
    dataset_label,
    figure_category,
    figure_label,
    kind_and_dataset,
    table_category,
    table_label,
)
from vipann.report.notes import notes_of
from vipann.seeds import derive_seed
from vipann.parts import (
    bands_of,
    chosen_front_end,
    chosen_parts,
    feature_settings,
    model_settings,
)

try:
    check_config(
        config,
        ROOT / "workflow/schemas/config.schema.yaml",
        [ROOT / "config/config.yaml", *workflow.config_settings.configfiles],
    )
except UserError as error:
    raise WorkflowError(str(error)) from None

# Captions of the report see nothing but the config.
config["notes"] = notes_of(config)
# The paper's own settings, under this run's.
PAPER = read_layer(ROOT / "config/config.yaml")
# What the functions of vipann.plan take.
RUN = Run(ROOT, config, PAPER)
RESULTS = f"results/{config['run']}"
DATA = config["data"]["dir"]
LOGS = f"{RESULTS}/logs"
UPSTREAM = config["upstream"]
OOD = config["ood"]
# Each network hears the out-of-distribution set in windows of its own clips' length.
OOD_WINDOWS = windows_of(config)
BLOCKS = dataset_blocks(config)
# Those whose clips have a length; the out-of-distribution set has it in its windows only.
CUT_DATASETS = [name for name, block in BLOCKS.items() if "clip_seconds" in block]
TRANSFER_DATASETS = config["transfer_datasets"]
# What networks are tested on; without upstream data, or without transfer, the other alone.
TESTED = [name for name in [UPSTREAM, *TRANSFER_DATASETS] if name]
UPSTREAM_STRATEGIES = ["det", "drop", "flip"]
TRANSFER_PHASES = ["fixed", "finetuned"]
# The config's blocks that make a network, by strategy: those without Flipout layers have no prior.
NETWORK_BLOCKS = {
    "det": ["model"],
    "drop": ["model"],
    "det_flip": ["model", "bayesian", "kl"],
    "flip": ["model", "bayesian", "kl", "moped"],
}


wildcard_constraints:
    dataset="[a-z0-9][a-z0-9_]*",
    strategy="det|drop|det_flip|flip",
    phase="fixed|finetuned|scratch",
    fold="[0-9]+",


def settings(
    script: str,
    *words: object,
    adapter: str | None = None,
    chosen: tuple[str, ...] = (),
    notebook: str | None = None,
    **values: object,
) -> dict:
    """What a job depends on besides its input files: config values, seed and code, sorted.

    With `words` comes a seed of that name. `adapter` and `notebook` (a path below the repository)
    are what the script runs without importing it.
    """
    extra = [*chosen, *([f"vipann.datasets.adapters.{adapter}"] if adapter else [])]
    executed = ROOT / notebook if notebook else None
    values["code"] = fingerprint(ROOT / "workflow/scripts" / script, SOURCE, extra, executed)
    if words:
        values["seed"] = derive_seed(config["seed"], *words)
    return in_order(values)


def network_settings(strategy: str = "flip") -> dict:
    """The config values that decide the form of the network of `strategy`, and its parts' code."""
    blocks = {key: config[key] for key in NETWORK_BLOCKS[strategy]}
    model = {"model": model_settings(config["model"]), "bands": bands_of(config["features"])}
    return blocks | model | {"chosen": chosen_parts(config)}


def repository_file(path: str) -> str:
    """A file of this repository as an input that is called the same in every checkout.

    A workflow that runs in another folder than its repository has to call it by its full path.
    """
    return path if Path.cwd().samefile(ROOT) else str(ROOT / path)


def log_of(path: str) -> str:
    """The log file of a job, named as its result below the run's folder."""
    return f"{LOGS}/{path}.log"


def growing(amount: int):
    """The resource `amount` of a job's first try; twice and thrice as much of the next ones."""
    return lambda wildcards, attempt: amount * attempt


def checkpoint_of(strategy: str, dataset: str, fold: object, phase: str) -> str:
    return f"{RESULTS}/checkpoints/{dataset}/{strategy}/fold{fold}/{phase}.safetensors"


def upstream_checkpoint_of(strategy: str) -> str:
    return f"{RESULTS}/checkpoints/upstream/{strategy}.safetensors"


def models_of(dataset: str) -> list[str]:
    """`strategy/fold/phase` of every network trained for `dataset`, or of the upstream ones."""
    if dataset == UPSTREAM:
        return [f"{strategy}/pretrained" for strategy in UPSTREAM_STRATEGIES]
    transferred = [(s, p) for s in config["transfer"]["strategies"] for p in TRANSFER_PHASES]
    scratch = [(s, "scratch") for s in config["scratch"]["strategies"]]
    return [
        f"{strategy}/fold{fold}/{phase}"
        for strategy, phase in transferred + scratch
        for fold in folds_of(config, dataset)
    ]


include: "helpers/datasets.smk"
include: "helpers/networks.smk"
include: "helpers/products.smk"
include: "helpers/report.smk"


# In a rule's function an error of a folder would come with a traceback; the stamps are kept.
if workflow.is_main_process:
    try:
        for name in filter(None, [*TESTED, OOD]):
            own_audio_settings(name)
    except UserError as error:
        raise WorkflowError(str(error)) from None

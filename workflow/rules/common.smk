import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).parent
SOURCE = ROOT / "src"
sys.path.insert(0, str(SOURCE))
# Jobs import the library of this checkout, which is the one that the fingerprints below look at.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
)
# On a CPU, handing freed memory back to the system costs more than the network's arithmetic:
# training is two to three times as fast when malloc keeps it.
os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "17179869184")

from vipann.config import check_config, folds_of, read_layer, used_features, used_model
from vipann.errors import UserError
from vipann.provenance.fingerprint import fingerprint
from vipann.seeds import derive_seed

try:
    check_config(
        config,
        ROOT / "workflow/schemas/config.schema.yaml",
        [ROOT / "config/config.yaml", *workflow.config_settings.configfiles],
    )
except UserError as error:
    raise WorkflowError(str(error)) from None

# The paper's own settings, under this run's.
PAPER = read_layer(ROOT / "config/config.yaml")
RESULTS = f"results/{config['run']}"
DATA = config["data"]["dir"]
LOGS = f"{RESULTS}/logs"
UPSTREAM = config["upstream"]
OOD = config["ood"]
TRANSFER_DATASETS = config["transfer_datasets"]
# What networks are tested on; without upstream data, or without transfer, the other alone.
TESTED = [name for name in [UPSTREAM, *TRANSFER_DATASETS] if name]
UPSTREAM_STRATEGIES = ["det", "drop", "flip"]
TRANSFER_PHASES = ["fixed", "finetuned"]


wildcard_constraints:
    dataset="[a-z0-9][a-z0-9_]*",
    strategy="det|drop|det_flip|flip",
    phase="fixed|finetuned|scratch",
    fold="[0-9]+",


def settings(script: str, *words: object, adapter: str | None = None, **values: object) -> dict:
    """What a job depends on besides its input files: config values, seed and code, sorted."""
    extra = [f"vipann.datasets.{adapter}"] if adapter else []
    script_path = ROOT / "workflow/scripts" / script
    values["code"] = fingerprint(script_path, SOURCE, extra)
    if words:
        values["seed"] = derive_seed(config["seed"], *words)
    return dict(sorted(values.items()))


def network_settings() -> dict:
    """The config values that decide a network's form."""
    blocks = {key: config[key] for key in ("bayesian", "moped", "kl")}
    return blocks | {"model": used_model(config), "mel_bands": config["features"]["mel_bands"]}


def log_of(path: str) -> str:
    """The log file of a job, named as its result below the run's folder."""
    return f"{LOGS}/{path}.log"


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

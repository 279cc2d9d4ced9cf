import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

if os.name == "nt":
    raise WorkflowError(
        "Windows itself cannot run this workflow, whose jobs lock files and get signals as on "
        "Unix. Run it in WSL 2, where it is a Linux like any other."
    )

ROOT = Path(workflow.current_basedir).parents[1]
SOURCE = ROOT / "src"
sys.path.insert(0, str(SOURCE))
# Jobs import the library of this checkout, which is the one that their fingerprints look at.
os.environ.update(
    PYTHONPATH=os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])
)
# On a CPU, handing freed memory back to the system costs more than the network's arithmetic:
# training is two to three times as fast when malloc keeps it.
os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "17179869184")

from vipann.config import check_config, read_layer
from vipann.errors import UserError
from vipann.parts import chosen_parts, feature_settings, model_settings
from vipann.plan import (
    datasets,
    events,
    fold_variants,
    label_sets,
    members,
    networks,
    survey,
    uncertainty,
    variants,
    weights,
)
from vipann.plan.complexity import complexity_settings
from vipann.plan.embeddings import embedding_settings, embeddings_of
from vipann.plan.members import Member
from vipann.plan.networks import Network
from vipann.plan.products import notes_of, products, random_orders
from vipann.plan.report import (
    OPENING,
    RECORD,
    captions,
    index_settings,
    metric_files,
    notebook_file,
    notebook_inputs,
    notebook_settings,
    page_of,
    pages_settings,
    refuse_report_of_another_config,
    shown,
    summarised,
)
from vipann.plan.run import Run
from vipann.plan.uncertainty import laplace, ood_scores
from vipann.plan.variants import VariantNetwork
from vipann.strategies import ENSEMBLE, FROM_ONE_TRAINING, TRAINED
from vipann.variants import UPSTREAM_STAGE, names_of
from vipann.provenance.code_record import keep

PAPER_FILE = ROOT / "config/config.yaml"
RUN = Run(ROOT, config, read_layer(PAPER_FILE))
try:
    check_config(
        config,
        ROOT / "workflow/schemas/config.schema.yaml",
        [PAPER_FILE, *workflow.config_settings.configfiles],
    )
    if workflow.is_main_process:
        # In a rule's function an error of a folder would come with a traceback; the stamps are kept.
        datasets.refuse_lost(RUN)
        for name in filter(None, [*RUN.tested, RUN.ood]):
            datasets.own_audio(RUN, name)
        weights.refuse_lost(RUN)
        uncertainty.refuse_faults(RUN)
except UserError as error:
    raise WorkflowError(str(error)) from None

RESULTS = RUN.results
DATA = RUN.data
# The patterns of the networks' paths.
PRETRAINED = Network(RUN, "{strategy}")
TRANSFERRED = Network(RUN, "{strategy}", "{dataset}", "{fold}", "{phase}")
FROM_SCRATCH = Network(RUN, "{strategy}", "{dataset}", "{fold}", networks.SCRATCH)


wildcard_constraints:
    dataset="[a-z0-9][a-z0-9_]*",
    label_set="[a-z0-9][a-z0-9_]*",
    strategy="|".join(TRAINED),
    phase="fixed|finetuned|scratch",
    fold="[0-9]+",
    # Of what runs with other settings do not share: see `vipann.plan.datasets.key_of`.
    key="[0-9a-f]{8}",


def network(wildcards, **fixed: str) -> Network:
    """The network that a job's wildcards name, and what its rule's patterns have fixed."""
    return Network(RUN, **dict(wildcards.items()), **fixed)


def member(wildcards) -> VariantNetwork:
    """The network of a variant that a job's wildcards name."""
    found = dict(wildcards.items())
    average = f".{found['average']}" if "average" in found else ""
    return VariantNetwork.of(
        RUN, found["variant"], found.get("member", f"seed{found.get('seed')}{average}")
    )


def fold_network(wildcards) -> fold_variants.FoldNetwork:
    """The network of a variant on folds that a job's wildcards name."""
    return fold_variants.FoldNetwork.of(RUN, **dict(wildcards.items()))


def survey_model(wildcards) -> survey.SurveyModel:
    """The networks of all folds that a job's wildcards name."""
    return survey.SurveyModel(RUN, wildcards.dataset, wildcards.strategy, wildcards.phase)


def left_out(wildcards) -> list[str]:
    """The list of clips to leave out, whose contents count by the job's settings alone.

    It is made from manifests of all datasets, and so again after each edit of one of them. Were it
    an input like others, Snakemake would plan the features and all trainings anew before it knows
    that the list is as it was. With `ancient` alone it would plan too few: what comes after a job
    that runs is not looked at for reasons of its own, also if that job is no reason for it to run.
    """
    return [
        before_update(ancient(path)) if Path(path).exists() else path
        for path in datasets.left_out_of(RUN, wildcards.dataset)
    ]


def fold_member(wildcards) -> Member:
    """The member of a deep ensemble that a job's wildcards name."""
    return Member(RUN, "det", **dict(wildcards.items()))


def one_of(names: list[str]) -> str:
    """A wildcard constraint; without any name, one that nothing matches."""
    return "|".join(names) or "(?!)"


def repository_file(path: str) -> str:
    """A file of this repository as an input that is called the same in every checkout.

    A workflow that runs in another folder than its repository has to call it by its full path.
    """
    return path if Path.cwd().samefile(ROOT) else str(ROOT / path)


def log_of(path: str) -> str:
    """The log file of a job, named as its result below the run's folder."""
    return f"{RESULTS}/logs/{path}.log"


def benchmark_of(path: str) -> str:
    return f"{RESULTS}/benchmarks/{path}.tsv"


def growing(amount: int):
    """The resource `amount` of a job's first try; twice and thrice as much of the next ones."""
    return lambda wildcards, attempt: amount * attempt

"""What slurm/profile.yaml makes of slurm/site.yaml: the resources that the site decides on."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vipann.errors import UserError
from vipann.strict_yaml import read_yaml

# Rules that keep their state when they are told that they have two minutes left. For all others
# the warning would be the end.
TRAINING_RULES = (
    "pretrain",
    "transfer",
    "scratch",
    "train_variant",
    "train_variant_by_epochs",
    "transfer_variant",
    "scratch_variant",
    "pretrain_member",
    "transfer_member",
    "go_on",
)
# Rules that say `gpu` in their resources.
GPU_RULES = (
    *TRAINING_RULES,
    "average",
    "predict_variant",
    "variant_cost",
    "predict_fold_variant",
    "predict_validation",
    "predict_upstream",
    "predict",
    "ood_upstream",
    "ood_fold_variant",
    "ood",
    "embed",
    "embed_upstream",
    "survey_part",
    "predict_upstream_member",
    "predict_member",
    "predict_validation_member",
    "ood_upstream_member",
    "ood_member",
    "samples_upstream",
    "validation_samples",
    "samples",
    "one_training",
    "unknown",
    "predict_degraded",
)
GPU_REQUESTS = ("gpus", "gres")
STATUS_COMMANDS = ("sacct", "squeue")
KEYS = {
    "account": (str, int, type(None)),
    "partition": (str, int, type(None)),
    "gpu_partition": (str, int, type(None)),
    "gpu_request": (str,),
    "gpu_model": (str, type(None)),
    "gpu_constraint": (str, type(None)),
    "cpus_per_gpu": (int,),
    "status_command": (str,),
    "jobs": (int,),
    "rules": (dict,),
}
WARNING = "--signal=TERM@120"
# What Snakemake's executor for Slurm reads, and this workflow's own.
RESOURCES = (
    *("mem", "mem_mb", "mem_mb_per_cpu", "runtime", "disk", "disk_mb", "tmpdir", "threads"),
    *("gpu", "gpu_model", "gpu_manufacturer", "gres", "cpus_per_gpu", "cpus_per_task"),
    *("slurm_account", "slurm_partition", "slurm_extra", "slurm_cluster", "constraint"),
    *("cluster", "clusters", "nodes", "tasks", "tasks_per_node", "mpi", "qos"),
    *("reservation", "download"),
)
RULE_FILES = Path(__file__).parents[1] / "workflow/rules"
_RULE = re.compile(r"^\s*(?:rule (\w+):|use rule \w+ as (\w+) with:)", re.MULTILINE)


def read_site(path: Path) -> dict[str, Any]:
    """The site's settings.

    Raises:
        ValueError: a key is missing, unknown, or has a value that it can't have.
    """
    try:
        site = read_yaml(path)
    except UserError as error:
        raise ValueError(error) from None
    if not isinstance(site, dict) or site.keys() != KEYS.keys():
        found = site.keys() if isinstance(site, dict) else set()
        raise ValueError(
            f"{path}: its keys must be {', '.join(KEYS)}; "
            f"missing: {sorted(KEYS.keys() - found)}, unknown: {sorted(found - KEYS.keys())}"
        )
    for key, types in KEYS.items():
        if not isinstance(site[key], types) or isinstance(site[key], bool):
            raise ValueError(f"{path}: {key} can't be {site[key]!r}; see its comment")
    for key, choices in (("gpu_request", GPU_REQUESTS), ("status_command", STATUS_COMMANDS)):
        if site[key] not in choices:
            raise ValueError(f"{path}: {key} is {site[key]!r}; say {' or '.join(choices)}")
    if not all(isinstance(value, dict) for value in site["rules"].values()):
        raise ValueError(f"{path}: rules must look like `pretrain: {{runtime: 2880}}`")
    known = rule_names() if site["rules"] else []
    for rule, resources in site["rules"].items():
        _check_name(f"{path}: rules", rule, known)
        for resource in resources:
            _check_name(f"{path}: rules.{rule}", resource, RESOURCES)
    return site


def rule_names() -> list[str]:
    """The rules that a job can be of, as the workflow's files name them."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(RULE_FILES.glob("*.smk")))
    return [own or twin for text in texts for own, twin in _RULE.findall(text)]


def _check_name(place: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        near = get_close_matches(str(name), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise ValueError(f"{place}: there is no {name!r}; {hint}")


def as_text(value: Any) -> str:
    """`value` as an expression that Snakemake evaluates to a text."""
    return repr(str(value))


def resources_of_all(site: dict[str, Any]) -> dict[str, str]:
    """`default-resources`: of every rule that does not say otherwise."""
    named = {"slurm_account": site["account"], "slurm_partition": site["partition"]}
    return {key: as_text(value) for key, value in named.items() if value is not None}


def resources_of_gpu_jobs(site: dict[str, Any]) -> dict[str, Any]:
    """What each rule with GPUs asks for besides their number."""
    named = {"slurm_partition": site["gpu_partition"], "constraint": site["gpu_constraint"]}
    chosen = {key: as_text(value) for key, value in named.items() if value is not None}
    if site["gpu_request"] == "gres":
        # cpus_per_gpu is understood beside --gpus only.
        chosen["cpus_per_task"] = site["cpus_per_gpu"]
        chosen["gpu"] = 0
        chosen["gres"] = as_text(":".join(filter(None, ["gpu", site["gpu_model"], "1"])))
    else:
        chosen["cpus_per_gpu"] = site["cpus_per_gpu"]
        if site["gpu_model"]:
            chosen["gpu_model"] = as_text(site["gpu_model"])
    return chosen


def resources_of_rules(site: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """`set-resources`: by rule, what the site says over what the rule says."""
    resources = {rule: resources_of_gpu_jobs(site) for rule in GPU_RULES}
    for rule in TRAINING_RULES:
        resources[rule] = resources[rule] | {"slurm_extra": as_text(WARNING)}
    for rule, own in site["rules"].items():
        resources[rule] = resources.get(rule, {}) | own
    return resources

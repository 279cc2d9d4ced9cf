"""Take the present code and environment as those of a run's finished results: `make accept`.

Of each finished job that would rerun only because of its code, Snakemake's record gets the present
settings, as if it had just run; no result is touched. `snakemake --touch` is no way to that: it
takes results of other settings and what a killed job left behind for finished, too, and files lose
the times at which they were made.
"""

import argparse
import ast
import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.jobs import Reason
from snakemake.settings.enums import Quietness
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    DeploymentMethod,
    DeploymentSettings,
    OutputSettings,
    RerunTrigger,
    ResourceSettings,
)
from snakemake.workflow import Workflow

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from vipann.plan.run import Run  # noqa: E402
from vipann.provenance import code_record  # noqa: E402

PROFILE = ROOT / "workflow/profiles/default/config.yaml"
# Snakemake's words for reasons.
PARAMS = "params have changed since last execution"
ENVIRONMENT = "software environment definition has changed since last execution"
FOLLOWS = "input files updated by another job"
LONGEST_CHAIN = 30  # of jobs that depend on each other, at most
Change = tuple[str, str]  # the fingerprint on record and the present one
HEAD = """# Results accepted

Results that were there before a change of the code or of the environment, and were taken as made
by it without a rerun: which jobs, by what code, and the definitions that differ.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Accept the finished results of a run.")
    parser.add_argument(
        "configs",
        nargs="+",
        metavar="run",
        help="`run` of a config in config/, or paths of configs",
    )
    parser.add_argument("--sdm", nargs="*", default=[], help="as the run was made: conda")
    arguments = parser.parse_args()
    configs = [config_of(name) for name in arguments.configs]
    if missing := [path for path in configs if not path.exists()]:
        parser.error(f"there is no config {missing[0]}")
    logging.disable(logging.INFO)
    jobs: dict[Change, list[str]] = {}
    # What has changed of a job is not looked at before the jobs that it depends on are accepted.
    try:
        for _ in range(LONGEST_CHAIN):
            workflow = planned(configs, arguments.sdm)
            if not accept(workflow, jobs):
                break
    finally:
        if jobs:
            write(workflow.globals["RUN"], jobs)
    if not jobs:
        sys.exit("Nothing to accept: no finished job would rerun only because of its code.")


def config_of(name: str) -> Path:
    """The config file of that path, or the one in config/ whose `run` it is."""
    files = () if name.endswith(".yaml") else sorted((ROOT / "config").glob("*.yaml"))
    own = (path for path in files if yaml.safe_load(path.read_text()).get("run") == name)
    return next(own, Path(name))


def planned(configs: list[Path], deployment: list[str]) -> Workflow:
    """The run's workflow, and in it what Snakemake would do now."""
    triggers = yaml.safe_load(PROFILE.read_text())["rerun-triggers"]
    with SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api:
        found = api.workflow(
            ResourceSettings(cores=1),
            ConfigSettings(configfiles=configs),
            deployment_settings=DeploymentSettings(DeploymentMethod.parse_choices_set(deployment)),
            snakefile=ROOT / "workflow/Snakefile",
        )
        reruns = DAGSettings(
            rerun_triggers=RerunTrigger.parse_choices_set(triggers), force_incomplete=True
        )
        try:
            found.dag(reruns).execute_workflow("dryrun")
        except WorkflowError as error:
            sys.exit(str(error))
        return found._workflow


def accept(workflow: Workflow, jobs: dict[Change, list[str]]) -> int:
    """Put the present settings on record for all jobs that nothing but their code would rerun.

    Their rules are added to `jobs`, by what changed; the number of these jobs is returned.
    """
    records, count = workflow.persistence, 0
    for job in workflow.dag.jobs:
        changes = code_changes(workflow.dag.reason(job))
        for path in job.output if changes else []:
            key = records._get_key(path)
            record = records._read_record(key)
            record.params = records._params(job)
            record.software_stack_hash = records._software_stack_hash(job)
            records._write_record(key, record)
        for change in changes:
            jobs.setdefault(change, []).append(job.rule.name)
        count += bool(changes)
    return count


def code_changes(reason: Reason) -> set[Change]:
    """What changed of a finished job that nothing but its code would rerun; empty for others."""
    if set(reason.get_names()) - {PARAMS, ENVIRONMENT, FOLLOWS}:
        return set()
    old, new = (
        [ast.literal_eval(text) for text in texts]
        for texts in (reason.params_changed.only_old, reason.params_changed.only_new)
    )
    without_code = [{**settings, "code": None} for settings in [*old, *new]]
    if any(settings != without_code[0] for settings in without_code):
        return set()
    changes = {(before["code"], now["code"]) for before in old for now in new}
    return changes or ({("", "")} if reason.software_stack_changed else set())


def write(run: Run, jobs: Mapping[Change, list[str]]) -> None:
    """Add what was accepted to the run's accepted.md."""
    codes = code_record.keep(run.codes, Path(run.results, "code.json"), ROOT)
    file = Path(run.results, "accepted.md")
    before = file.read_text(encoding="utf-8") if file.exists() else HEAD
    file.write_text(before + section(jobs, codes), encoding="utf-8")
    print(f"Accepted {sum(map(len, jobs.values()))} jobs, which {file} lists.")


def section(jobs: Mapping[Change, list[str]], codes: Mapping[str, code_record.Code]) -> str:
    """What was accepted, as Markdown: jobs for which the same has changed, together."""
    rules_by_change: dict[tuple[str, ...], Counter[str]] = {}
    for (before, now), rules in sorted(jobs.items()):
        what = (
            difference(codes.get(before), codes[now]) if now else ("another software environment",)
        )
        rules_by_change.setdefault(what, Counter()).update(rules)
    lines = [f"\n## {time.strftime('%Y-%m-%d %H:%M')}\n"]
    for (what, *names), counts in rules_by_change.items():
        listed = ", ".join(f"{rule} {count}" for rule, count in sorted(counts.items()))
        lines += [f"- {listed}: {what}", *(f"  - `{name}`" for name in names)]
    return "\n".join(lines) + "\n"


def difference(earlier: code_record.Code | None, code: code_record.Code) -> tuple[str, ...]:
    """Which script at which commits, in words; then the definitions that differ."""
    origin = earlier.commit if earlier else "code that is not on record"
    names = code_record.differences(earlier, code) if earlier else []
    return f"{code.script} of {code.commit} as that of {origin}", *names


if __name__ == "__main__":
    main()

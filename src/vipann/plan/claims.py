"""What judging a paper's claims takes from a run."""

from collections.abc import Sequence
from typing import Any

from vipann.folds import fold_numbers, share_out
from vipann.plan.names import shown_names
from vipann.plan.products import NAMED
from vipann.plan.run import Run

SYNTHETIC = (
    "All sounds of this run are synthetic: its verdicts say that the workflow runs, and nothing of "
    "the paper."
)


def claims_settings(run: Run, paper: str, notes: Sequence[str]) -> dict[str, Any]:
    """Params of the job that judges the claims of `paper` (a folder of `vipann/papers`).

    notes: sentences about the run's networks.
    """
    datasets = {}
    for name in run.tested:
        block = run.config["datasets"][name]
        training: list[int] = []
        if name != run.upstream:
            numbers = fold_numbers(block["folds"])
            training, _ = share_out(numbers, numbers[0], run.config["validation"]["split"])
        facts = {"paper_name": block.get("paper_name"), "training_folds": len(training)}
        datasets[name] = facts
    claims = f"vipann.papers.{paper}.claims"
    return run.settings(
        "claims.py",
        chosen=(claims,),
        claims=claims,
        datasets=datasets,
        upstream=run.upstream,
        transfer=run.transfer_datasets,
        interval=run.config["evaluation"]["interval"],
        names=shown_names(run),
        named={key: run.config.get(key) or {} for key in (*NAMED, "label_sets")},
        notes=[*([SYNTHETIC] if run.synthetic else []), *notes],
    )

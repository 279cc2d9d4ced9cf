"""The job behind Table 1: parameters and multiply-accumulates of the papers' networks."""

from typing import Any

from vipann.parts import chosen_parts, feature_settings, model_settings
from vipann.plan.run import Run
from vipann.registry import choices


def complexity_settings(run: Run) -> dict[str, Any]:
    """Of the papers' networks, whatever this run trains."""
    keys = ("sample_rate", "window_length", "hop_length", "mel_bands", "amin")
    features = feature_settings(run.paper_config["features"])
    blocks = run.paper_config["datasets"].values()
    named = [b for b in blocks if b.get("paper_name") and "clip_seconds" in b]
    modules = [f"vipann.papers.{paper}" for paper in run.config["papers"]]
    modules = [f"{module}.networks" for module in modules if "networks" in choices(module)]
    return run.settings(
        "complexity.py",
        chosen=(*(f"{module}:networks" for module in modules), *chosen_parts(run.paper_config)),
        modules=modules,
        model=model_settings(run.paper_config["model"]),
        bayesian=run.paper_config["bayesian"],
        features={key: features[key] for key in keys},
        clip_seconds=[[b["paper_name"], b["clip_seconds"]] for b in named],
    )

"""The model card of a model folder: what the networks are, how good, and what they were not tried
on (Mitchell et al. 2019)."""

from collections.abc import Mapping

import pandas as pd
import yaml

from vipann.survey.held_out import read_held_out
from vipann.survey.model import Model

PAPER = (
    "VI-PANN: Harnessing Transfer Learning and Uncertainty-Aware Variational Inference for "
    "Improved Generalization in Audio Pattern Recognition (IEEE Access, 2024)"
)
_STRATEGIES = {
    "det": "deterministic weights; uncertainty is the disagreement of the folds' networks only",
    "drop": "Monte Carlo dropout",
    "det_flip": "deterministic backbone, Flipout head",
    "flip": "Flipout in all layers",
}
_SCORES = {
    "accuracy": "accuracy",
    "mAP": "mean average precision",
    "AUC": "mean area under the ROC curve",
    "nll": "negative log-likelihood",
    "brier": "Brier score",
    "ece_pooled": "expected calibration error, all folds together",
    "auroc_epistemic": "AUROC, out-of-distribution clips by epistemic uncertainty",
    "auroc_total": "AUROC, out-of-distribution clips by predictive entropy",
}


def card_of(model: Model, scores: pd.DataFrame) -> str:
    """The text of the card, Markdown. scores: metric, value, low, high of the held-out clips."""
    sections = {
        "What it is": _identity(model),
        "How it was trained": _training(model),
        "Scores on held-out clips": _scores(scores),
        "Intended use": _use(model),
        "Not tried": _not_tried(model),
        "Sources": _sources(model),
    }
    title = f"# {model.facts['dataset']}: {model.facts['strategy']}, {model.facts['phase']}\n"
    return title + "".join(f"\n## {name}\n\n{text}\n" for name, text in sections.items())


def _identity(model: Model) -> str:
    facts, net = model.facts, model.facts["settings"]["model"]
    front_end = facts["features"]
    return _listed(
        {
            "Classes": f"{len(model.classes)} (labels.csv), {_task(model)}",
            "Networks": f"{len(model.folds)}, one a fold, whose probabilities are averaged",
            "Backbone": f"{net['encoder']}, pooling {net['pooling']}, head {net['head']}",
            "Strategy": f"{facts['strategy']}: {_STRATEGIES[facts['strategy']]}",
            "Shared weights": "the backbone, which was frozen" if facts.get("shared") else "none",
            "Front end": f"{front_end['front_end']}, {front_end.get('sample_rate', '-')} Hz",
            "Windows": f"{model.clip_seconds:g} s, shorter ones padded ({facts['padding']})",
            "Model": f"sha256 {model.sha256}",
        }
    )


def _task(model: Model) -> str:
    one = model.task == "multiclass"
    return "one of them a clip (softmax)" if one else "any number a clip (sigmoids)"


def _training(model: Model) -> str:
    facts, recipe = model.facts, model.facts["settings"].get("training", {})
    recording = read_held_out(model.folder).recording
    shown = ("epochs", "steps", "batch_size", "learning_rate", "learning_rate_schedule")
    seconds = [one.get("training_seconds") for one in facts["networks"]]
    about = {
        "Data": f"{facts['dataset']}: {len(recording)} clips of {len(set(recording))} "
        "recordings, each held out by one of the networks and heard by the others",
        "Phase": str(facts["phase"]),
        "Recipe": ", ".join(f"{key} {recipe[key]}" for key in shown if recipe.get(key) is not None),
        "Code": ", ".join(sorted({one["code"] for one in facts["networks"]})),
        "torch": facts["torch"],
    }
    if all(seconds):
        about["Training"] = f"{sum(seconds):.0f} s in all"
    settings = yaml.safe_dump(facts["settings"]["model"], sort_keys=False).strip()
    return f"{_listed(about)}\n\n```yaml\n{settings}\n```"


def _scores(scores: pd.DataFrame) -> str:
    by_name = scores.set_index("metric")
    rows = []
    for name, words in _SCORES.items():
        if name in by_name.index:
            value, low, high = by_name.loc[name, ["value", "low", "high"]]
            bounds = f"{low:.4f} to {high:.4f}" if low == low else ""
            rows.append(f"| {words} | {value:.4f} | {bounds} |")
    head = "| score | value | 95 % interval |\n|---|--:|--:|\n"
    note = (
        "\n\nThey are those of single networks, each on the clips that it was not trained on; the "
        "interval resamples recordings. A survey averages the networks, and hears other places."
    )
    return head + "\n".join(rows) + note


def _use(model: Model) -> str:
    return (
        f"To search recordings for the {len(model.classes)} classes, with a person who listens to "
        "what the networks are not sure of: `vipann survey`, `vipann tag`. Probabilities are "
        "comparable to observed frequencies only as far as the calibration above holds where you "
        "record: label a random sample before you count."
    )


def _not_tried(model: Model) -> str:
    return (
        f"Sounds other than those of {model.facts['dataset']}: other places, recorders, seasons "
        "and classes. Nobody has checked this model against them. Not meant for decisions about "
        "people, and not for finding persons by their voices."
    )


def _sources(model: Model) -> str:
    return (
        f"- Method: {PAPER}.\n"
        f"- Weights of the backbone and the clips of {model.facts['dataset']} have licences of "
        "their own, which hold for this model too: see where they were downloaded from. Fill in "
        "here what they allow before you pass the model on."
    )


def _listed(rows: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in rows.items() if value)

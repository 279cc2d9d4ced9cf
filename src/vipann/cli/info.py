"""`vipann info`: what a model is."""

import argparse

DESCRIPTION = (
    "Show the model card of a model folder, and whether its weights are those of the card."
)
EXAMPLES = "  vipann info whales/"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model folder, from `vipann export`")


def run(options: argparse.Namespace) -> None:
    from vipann.errors import UserError
    from vipann.survey.model import CARD, Model

    model = Model.load(options.model)
    path = model.folder / CARD
    card = path.read_text(encoding="utf-8") if path.exists() else ""
    print(card.strip() or f"{model.folder} has no {CARD}.")
    print(f"\nClasses: {', '.join(model.classes)}")
    if card and model.sha256 not in card:
        raise UserError(
            f"config.json or the weights of {model.folder} are not those of its {CARD}: they have "
            f"sha256 {model.sha256}. Copy the model again."
        )

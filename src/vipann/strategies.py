"""The strategies by which a network learns its uncertainty: what is said and drawn of each, and
which blocks of the config make it. Standard library only: the plan reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Strategy:
    """label, colour, marker: in tables and figures. blocks: of the config, those that decide the
    form of its network besides `model`. backbone: the strategy whose upstream weights it starts
    from."""

    name: str
    label: str
    colour: str
    marker: str
    blocks: tuple[str, ...]
    backbone: str


# Colours of Okabe and Ito's palette, which colour-blind readers can tell apart; a marker is a
# second cue, for print in grey. Those without Flipout layers have no prior.
STRATEGIES = (
    Strategy("flip", "Flip", "#D55E00", "s", ("bayesian", "kl", "moped"), "flip"),
    Strategy("det_flip", "Det-Flip", "#009E73", "^", ("bayesian", "kl"), "det"),
    Strategy("drop", "Drop", "#0072B2", "o", (), "drop"),
    Strategy("det", "Det", "#4D4D4D", "D", (), "det"),
    # No network of its own: the mean of Det networks of several seeds.
    Strategy("ens", "Ens", "#56B4E9", "v", (), "det"),
)
BY_NAME = {strategy.name: strategy for strategy in STRATEGIES}
ENSEMBLE = "ens"
# Of predictions that stand beside the strategies: a posterior over the last layer, and ensembles
# from one training (the networks after its epochs, and SWAG's draws).
LAPLACE = "laplace"
CHECKPOINTS, SWAG_DIAGONAL, SWAG = FROM_ONE_TRAINING = ("checkpoints", "swag_diagonal", "swag")
TRAINED = tuple(name for name in BY_NAME if name != ENSEMBLE)

"""What test clips are degraded by: kinds of conditions with an amount each, and their names.

Standard library only: the plan reads it.
"""

from typing import NamedTuple

CLEAN = "clean"


class Kind(NamedTuple):
    """label: in tables; unit: of the amount; is_noise: whether that is a signal-to-noise ratio;
    is_channel: whether it is what another recorder or coder does."""

    label: str
    unit: str
    is_noise: bool = False
    is_channel: bool = False


KINDS = {
    "white": Kind("White noise", "dB", is_noise=True),
    "babble": Kind("Babble of training clips", "dB", is_noise=True),
    "recorded": Kind("Recorded noise", "dB", is_noise=True),
    "shift": Kind("Shift", "s"),
    "gain": Kind("Gain", "dB"),
    "low_pass": Kind("Low-pass", "Hz", is_channel=True),
    "mp3": Kind("MP3", "kbit/s", is_channel=True),
    "opus": Kind("Opus", "kbit/s", is_channel=True),
}


class Condition(NamedTuple):
    """A kind and its amount, in the kind's unit."""

    kind: str
    amount: float

    @property
    def name(self) -> str:
        """In paths: "white_20", "gain_minus12", "shift_0p5"."""
        amount = f"{self.amount:g}".replace("-", "minus").replace(".", "p")
        return f"{self.kind}_{amount}"

    @property
    def label(self) -> str:
        about = KINDS[self.kind]
        return f"{about.label}, {self.amount:g} {about.unit}"

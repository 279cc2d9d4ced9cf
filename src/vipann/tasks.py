"""What a set of clips asks of a network."""

from typing import Literal

Task = Literal["multiclass", "multilabel"]

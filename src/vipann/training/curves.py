"""What a training shows while it runs: a bar, a line a minute, curves as CSV, TensorBoard."""

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vipann.files import replacing
from vipann.training.launch import Runtime

SECONDS_BETWEEN_LINES = 60.0
# A curve has at most so many points, whatever the number of steps.
POINTS = 500
_MEANS = ("loss", "kl", "gradient_norm")
COLUMNS = ("step", "epoch", "learning_rate", *_MEANS, "clips_per_second")

Row = dict[str, float]


class Curves:
    """Collects each step's numbers and shows them.

    A point of the curves is the mean over the steps since the point before. `rows` holds the points
    so far. What `state_dict` gives goes into the training's state and comes back as `state`, so
    that the curves of a training that was killed are whole, but for the speed of its first point.
    """

    def __init__(
        self, runtime: Runtime, steps: int, start: int, state: Mapping[str, Any] | None = None
    ) -> None:
        self.steps = steps
        self.every = math.ceil(steps / POINTS)
        self.rows: list[Row] = list(state["rows"]) if state else []
        self._sums = dict(state["sums"]) if state else dict.fromkeys(_MEANS, 0.0)
        self._summed: int = state["summed"] if state else 0
        self._since = self._printed = time.monotonic()
        self._clips = self._clips_since_line = 0
        self._printed_step = start
        self._bar = None
        if runtime.terminal:
            shown = {"total": steps, "initial": start, "file": runtime.terminal}
            self._bar = tqdm(**shown, unit="step", leave=False, mininterval=1.0)
        self._board = None
        if runtime.tensorboard and runtime.is_first:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(runtime.tensorboard), purge_step=start)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "sums": self._sums, "summed": self._summed}

    def step(self, done: int, epoch: int, clips: int, values: Mapping[str, float]) -> None:
        """Take in a step: `done` steps are finished; `values` has loss, kl, gradient_norm, rate."""
        if self._bar is not None:
            self._bar.update()
        self._clips += clips
        self._clips_since_line += clips
        self._summed += 1
        for name in _MEANS:
            self._sums[name] += values[name]
        now = time.monotonic()
        last = done == self.steps
        if last or now - self._printed >= SECONDS_BETWEEN_LINES:
            self._line(done, epoch, values, now)
        if last or done % self.every == 0:
            self._point(done, epoch, values["learning_rate"], now)

    def checked(self, done: int, epoch: int, scores: Mapping[str, float]) -> None:
        """Add the scores of a check after `done` steps."""
        self._add({"step": done, "epoch": epoch, **scores})
        line = " ".join(f"{name} {value:.4f}" for name, value in scores.items())
        print(f"epoch {epoch} step {done}: {line}", flush=True)

    def write(self, path: Path) -> None:
        """Write the points so far as CSV."""
        names = dict.fromkeys([*COLUMNS, *(name for row in self.rows for name in row)])
        with replacing(path) as beside, beside.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(names), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def close(self) -> None:
        for shown in (self._bar, self._board):
            if shown is not None:
                shown.close()

    def _line(self, done: int, epoch: int, values: Mapping[str, float], now: float) -> None:
        seconds = max(now - self._printed, 1e-9)
        left = (self.steps - done) * seconds / (done - self._printed_step)
        print(
            f"epoch {epoch} step {done} of {self.steps}: loss {values['loss']:.4f} "
            f"kl {values['kl']:.4f} {self._clips_since_line / seconds:.1f} clips/s, "
            f"{tqdm.format_interval(left)} left",
            flush=True,
        )
        self._printed, self._printed_step, self._clips_since_line = now, done, 0

    def _point(self, done: int, epoch: int, learning_rate: float, now: float) -> None:
        row = {"step": done, "epoch": epoch, "learning_rate": learning_rate}
        row |= {name: total / self._summed for name, total in self._sums.items()}
        rate = self._clips / max(now - self._since, 1e-9)
        self._add(row | {"clips_per_second": round(rate, 1)})
        self._sums, self._summed = dict.fromkeys(_MEANS, 0.0), 0
        self._since, self._clips = now, 0

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        if self._board is not None:
            for name, value in row.items():
                if name != "step":
                    self._board.add_scalar(name, value, int(row["step"]))

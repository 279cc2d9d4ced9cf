"""A folder of clips for a person to hear: `review.html`, which needs no network, and its audio."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from vipann.audio.decode import read_mono
from vipann.files import replacing
from vipann.survey.acquisition import ORDER
from vipann.survey.clocks import time_column
from vipann.survey.labelled import OTHER, PATH, WINDOWS
from vipann.survey.windows import END, RECORDING, START, probabilities_of
from vipann.tasks import Task

PAGE, CLIPS = "review.html", "clips"
_WIDTH, _HEIGHT, _DECIBELS = 300, 96, 70.0
_SHOWN = 3


def write_review(
    chosen: pd.DataFrame,
    classes: Sequence[str],
    task: Task,
    paths: Mapping[str, Path],
    rates: Mapping[str, int],
    starts: Mapping[str, datetime],
    out: Path,
) -> None:
    """Write the page, the clips (mono flac at the rate of their recordings) and windows.parquet.

    chosen: of `acquisition.Selection.chosen`; paths, rates: recording -> its file, Hz.

    Raises:
        UserError: a recording cannot be read.
    """
    windows = chosen.assign(**{PATH: _names(chosen)})
    times = time_column(windows[RECORDING], windows[START], starts)
    probability = probabilities_of(windows, classes)
    clips = []
    for place, row in enumerate(windows.to_dict("records")):
        rate = rates[row[RECORDING]]
        seconds = row[END] - row[START]
        samples = read_mono(paths[row[RECORDING]], rate, row[START], seconds)
        with replacing(out / row[PATH]) as beside:
            soundfile.write(beside, samples, rate, format="FLAC", subtype="PCM_24")
        about = {key: row[key] for key in (PATH, RECORDING, START, END, ORDER)}
        about |= {"time": times.iloc[place], "highest_khz": f"{rate / 2000:g}"}
        about |= {"image": thumbnail(samples), "said": _said(row, probability[place], classes)}
        clips.append(about)
    with replacing(out / WINDOWS) as beside:
        windows.to_parquet(beside, index=False)
    with replacing(out / PAGE) as beside:
        beside.write_text(page_of(clips, classes, task), encoding="utf-8")


def page_of(clips: Sequence[Mapping[str, Any]], classes: Sequence[str], task: Task) -> str:
    """The page of such clips."""
    paths = "\n".join(clip[PATH] for clip in clips)
    review = {
        "id": hashlib.sha256(paths.encode()).hexdigest()[:16],
        "classes": list(classes),
        "several": task == "multilabel",
        "other": OTHER,
        "clips": clips,
    }
    # Nothing in a name can end the script that holds it.
    data = json.dumps(review).replace("<", "\\u003c")
    template = files("vipann.survey").joinpath("review_page.html").read_text(encoding="utf-8")
    return template.replace("REVIEW", data, 1)


def thumbnail(samples: np.ndarray) -> str:
    """A picture of a clip's spectrogram as a data URI: time to the right, frequency upwards, from
    70 dB below the loudest point on."""
    from matplotlib.image import imsave

    length = 2 * _HEIGHT
    padded = np.pad(samples, (0, max(0, length - len(samples))))
    hop = max(1, (len(padded) - length) // _WIDTH)
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(length), axis=1)[:, 1:]) ** 2
    loudest = power.max()
    level = (
        10 * np.log10(power / loudest + 10 ** (-_DECIBELS / 10))
        if loudest
        else 0 * power - _DECIBELS
    )
    stream = BytesIO()
    imsave(stream, level.T[::-1], cmap="magma", vmin=-_DECIBELS, vmax=0, format="png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _names(chosen: pd.DataFrame) -> list[str]:
    """Of each clip: readable, of safe characters, and its own though names become alike by that."""
    found = []
    for name, start in zip(chosen[RECORDING], chosen[START], strict=True):
        safe = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[-60:]
        key = hashlib.sha256(name.encode()).hexdigest()[:6]
        found.append(f"{CLIPS}/{safe}_{key}_{start:.3f}s.flac")
    return found


def _said(row: Mapping[str, Any], probability: np.ndarray, classes: Sequence[str]) -> str:
    best = np.argsort(-probability, kind="stable")[:_SHOWN]
    scores = ", ".join(f"{classes[at]} {probability[at]:.2f}" for at in best)
    return (
        f"{scores}; epistemic {row['epistemic']:.3g}, total {row['total']:.3g} nats; here as "
        + (row[ORDER].replace("_", " "))
    )

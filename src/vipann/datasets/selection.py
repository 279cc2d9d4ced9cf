"""Which clips of a dataset networks are trained on, tested on, or never shown: fewer recordings to
learn from, and classes that are held out."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vipann.datasets.manifest import ClipTable, read_manifest
from vipann.errors import UserError
from vipann.files import replacing
from vipann.folds import share_out
from vipann.seeds import derive_seed

# What a clip is to the networks: learnt (and tested in its fold), only tested, or of a class that
# is held out.
LEARNT, TESTED, UNKNOWN = "learnt", "tested", "unknown"
FRACTION, HELD_OUT = "transfer.train_fraction", "transfer.held_out_classes"


def select_clips(manifest: Path, settings: Mapping[str, Any], out: Path) -> None:
    """Write csv (clip_id, use) of every clip of a manifest, in its order; use: the names above.

    settings: `dataset`; `held_out`, classes; `fraction` of the recordings that is learnt;
    `validation`, the config's `validation.split`; `seed`.

    Raises:
        UserError: a class that is held out is not there, fewer than two classes are left, or a
            class has no clip left to learn where it is tested.
    """
    table = read_manifest(manifest)
    held_out, fraction = settings["held_out"], settings["fraction"]
    _check_classes(table, held_out, f"{HELD_OUT}.{settings['dataset']}")
    hidden = set(held_out)
    unknown = table.frame["labels"].map(lambda names: not hidden.isdisjoint(names)).to_numpy()
    use = np.where(unknown, UNKNOWN, LEARNT).astype(object)
    known = table.frame[~unknown]
    chosen = learnt_recordings(known, fraction, settings["seed"])
    learnt = known["recording"].isin(chosen).to_numpy()
    use[~unknown] = np.where(learnt, LEARNT, TESTED)
    _check_rest(known, learnt, fraction, settings["validation"])
    with replacing(out) as beside:
        rows = pd.DataFrame({"clip_id": table.frame["clip_id"], "use": use})
        rows.to_csv(beside, index=False)
    counts = Counter(use.tolist())
    print(", ".join(f"{counts[name]} clips {name}" for name in (LEARNT, TESTED, UNKNOWN)))


def learnt_recordings(clips: pd.DataFrame, fraction: float, seed: int) -> set[str]:
    """The recordings that are learnt: a share of those of each class, as even as can be over folds.

    clips: rows of a manifest. Of n recordings of a class, which is that of most of a recording's
    clips, the first ceil(fraction * n) are taken of an order that is drawn from `seed` and their
    names, and goes through the folds in turn: so those of a smaller fraction are among those of a
    larger one.
    """
    labels = clips.explode("labels")
    counted = labels.groupby(["recording", "labels"], sort=True).size().reset_index(name="clips")
    counted = counted.sort_values(["recording", "clips", "labels"], ascending=[True, False, True])
    of_recording = counted.drop_duplicates("recording").set_index("recording")["labels"]
    folds = clips.groupby("recording")["fold"].first()
    found: set[str] = set()
    for _, members in of_recording.groupby(of_recording):
        places: Counter[int] = Counter()
        order = []
        for name in sorted(members.index, key=lambda one: derive_seed(seed, "fraction", one)):
            fold = int(folds[name])
            places[fold] += 1
            order.append((places[fold], derive_seed(seed, "turn", fold), name))
        # The subtraction keeps 0.1 * 30 = 3.0000000000000004 from taking a fourth.
        count = math.ceil(fraction * len(order) - 1e-9)
        found.update(name for _, _, name in sorted(order)[:count])
    return found


def _check_classes(table: ClipTable, held_out: Sequence[str], key: str) -> None:
    there = set(table.frame["labels"].explode().dropna())
    for name in held_out:
        if name not in there:
            known = ", ".join(one for one in table.classes if one in there)
            raise UserError(f"{key}: {name!r} is no class of these clips; they are of: {known}")
    left = len(there) - len(held_out)
    if left < 2:
        raise UserError(f"{key}: holds out all classes but {left}; at least two have to be left.")


def _check_rest(known: pd.DataFrame, learnt: np.ndarray, fraction: float, split: str) -> None:
    """UserError where no clip of a class is left to train a network that is tested on it."""
    every = sorted(set(known["fold"].tolist()))
    pairs = known.assign(learnt=learnt).explode("labels")
    for name, clips in pairs.groupby("labels"):
        rest = set(clips.loc[clips["learnt"], "fold"])
        for fold in sorted(set(clips["fold"])):
            if rest.isdisjoint(share_out(every, fold, split)[0]):
                raise UserError(
                    f"{FRACTION}: {fraction:g} of the {clips['recording'].nunique()} recordings "
                    f"of {name!r} leaves none to train the network that is tested on fold {fold}. "
                    "Take a larger fraction, or leave the class out."
                )

"""Label enhancement (PSLA, section V-B, Algorithm 2): a teacher completes labels by an ontology.

Annotators leave out kinds of a sound that they named (type I errors) and what it is a kind of
(type II). Where a clip has a label, its children and parents are candidates; a candidate is added
where the teacher scores it above what it scores clips that carry that class.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from vipann.datasets.label_sets import multi_hot, write_counts, write_label_set
from vipann.datasets.manifest import ClipTable
from vipann.datasets.ontology import Ontology, Relation
from vipann.errors import UserError
from vipann.evaluation.predictions import read_predictions

Threshold = Literal["mean", 25, 10, 5]
_GIVEN_SHOWN = 5


def thresholds(labels: np.ndarray, scores: np.ndarray, threshold: Threshold) -> np.ndarray:
    """(C,) t_k: the mean, or a percentile, of the scores of class k of the clips labelled k.

    labels: (N, C) multi-hot; scores: (N, C) in [0, 1]. Algorithm 2, lines 1 and 2; percentiles are
    interpolated. NaN, which nothing exceeds, where no clip has the class.
    """
    found = np.full(labels.shape[1], np.nan)
    for k in np.flatnonzero(labels.any(axis=0)):
        own = scores[labels[:, k] > 0, k].astype(np.float64)
        found[k] = own.mean() if threshold == "mean" else np.percentile(own, threshold)
    return found


def additions(
    labels: np.ndarray, scores: np.ndarray, least: np.ndarray, related: np.ndarray
) -> np.ndarray:
    """(N, C) bool: y'_n = y_n or (k_n is related to some k in y and M(x)(k_n) > t_kn).

    labels, scores: (N, C); least: (C,), see `thresholds`; related: (C, C), [k, n] where n is a
    candidate of clips labelled k. Algorithm 2, lines 3 to 8: labels that are added bring no
    further candidates.
    """
    # Few of N times C labels are there, of two million clips too.
    clips, classes = (csr_array(labels > 0, dtype=np.int64) @ related).nonzero()
    is_new = (labels[clips, classes] == 0) & (scores[clips, classes] > least[classes])
    added = np.zeros(labels.shape, dtype=bool)
    added[clips[is_new], classes[is_new]] = True
    return added


def enhance(
    predictions: Path | str,
    manifest: ClipTable,
    split: str,
    ontology: Ontology,
    ids: Mapping[str, str],
    *,
    threshold: Threshold,
    types: Sequence[str],
    ancestors: Literal["parent", "all"],
    about: str,
    out: Path | str,
    counts_out: Path | str,
) -> None:
    """Write the enhanced label set of the clips of `split`, and what was added and why.

    predictions: of the teacher (a network or an ensemble) on these clips; ids: class -> id in the
    ontology, for classes that have other names there; types: "child" (type I)
    and "parent" (type II); ancestors: for type II "parent" (the paper) or "all" (published code).
    Clips that the teacher has not scored keep their labels. The CSV has `label_sets.COUNTS`, the
    threshold, of the added how many came `as_child` and `as_parent` (a clip may count in both),
    and `because`, the labels that they came by, the most frequent first.

    Raises:
        UserError: predictions of other classes or clips; names the file.
    """
    clip_ids, scores = _scores(predictions, manifest, split)
    row_of = {clip: n for n, clip in enumerate(manifest.frame["clip_id"])}
    rows = [row_of[clip] for clip in clip_ids]
    given = manifest.frame["labels"].tolist()
    labels = multi_hot([given[row] for row in rows], manifest.classes)
    entries = ontology.ids_of(manifest.classes, ids)
    upwards: Relation = "parent" if ancestors == "parent" else "ancestor"
    related = {
        kind: ontology.related(entries, "child" if kind == "child" else upwards) for kind in types
    }
    least = thresholds(labels, scores, threshold)
    added = {kind: additions(labels, scores, least, pairs) for kind, pairs in related.items()}
    enhanced = np.maximum(labels, np.any(list(added.values()), axis=0))
    for row, names in zip(rows, enhanced, strict=True):
        every = [manifest.classes[k] for k in np.flatnonzero(names)]
        given[row] = [*given[row], *(name for name in every if name not in given[row])]
    write_label_set(manifest, given, about, out)
    new = enhanced > labels
    why: dict[str, Sequence[object]] = {"threshold": least.tolist()}
    for kind in ("child", "parent"):
        why[f"as_{kind}"] = added[kind].sum(axis=0) if kind in added else [0] * len(least)
    reasons = _reasons(labels, new, np.any(list(related.values()), axis=0))
    why["because"] = [", ".join(f"{manifest.classes[k]} {n}" for k, n in own) for own in reasons]
    write_counts(manifest.classes, labels, enhanced, counts_out, **why)
    before, more, classes = int(labels.sum()), int(new.sum()), int(new.any(axis=0).sum())
    print(f"{more} labels in {classes} classes added to {before} ({more / before:.1%})")


def _scores(path: Path | str, manifest: ClipTable, split: str) -> tuple[list[str], np.ndarray]:
    """Clip ids (N) and the teacher's scores (N, C): the mean over replications."""
    file, frame = read_predictions(path), manifest.frame
    if list(file.classes) != list(manifest.classes):
        other = sorted(set(file.classes) ^ set(manifest.classes))[:5] or "in another order"
        raise UserError(f"{path}: predictions of other classes than the manifest's: {other}.")
    clips = file.clip_id.tolist()
    if foreign := set(clips).difference(frame.loc[frame["split"] == split, "clip_id"]):
        raise UserError(
            f"{path}: predictions of other clips: {min(foreign)!r} is none of the manifest's "
            f"of {split!r} ({len(foreign)} of {len(clips)} clips)."
        )
    return clips, file.mean_probability.mean(axis=0)


def _reasons(
    labels: np.ndarray, added: np.ndarray, related: np.ndarray
) -> list[list[tuple[int, int]]]:
    """Of each class the labels by which it was added, and of how many clips; the most first."""
    found = []
    for n in range(labels.shape[1]):
        counts = labels[added[:, n]].sum(axis=0, dtype=int) * related[:, n]
        order = np.argsort(-counts, kind="stable")[:_GIVEN_SHOWN]
        found.append([(int(k), int(counts[k])) for k in order if counts[k]])
    return found

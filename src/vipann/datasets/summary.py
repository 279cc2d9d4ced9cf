"""What was really obtained of a dataset: clips, hours, what is missing and why, a checksum."""

import hashlib
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.audio.walk import FoundAudio
from vipann.datasets.class_sound import LEGEND, TABLE_HEAD, sound_rows, table_of
from vipann.datasets.class_sound import warnings as warnings_of_sound
from vipann.datasets.left_out import read_list
from vipann.datasets.manifest import ClipTable, read_manifest
from vipann.datasets.registry import declares
from vipann.errors import DataWarning
from vipann.files import replacing

COLUMNS = ("dataset", "what", "name", "split", "fold", "clips", "hours", "hz")
_REASONS_SHOWN = 20
_SHARED = {
    "shared": "Left out, as another dataset of the run holds their audio",
    "shared, kept": "Another transfer dataset holds their audio too",
}


def write_summary(
    dataset: str,
    adapter: str,
    manifest: Path,
    missing: Path,
    csv: Path,
    md: Path,
    rejected: Path | None = None,
    shared: Path | None = None,
    measures: pd.DataFrame | None = None,
    found: FoundAudio | None = None,
) -> None:
    """Count a manifest, the clips missing from it and those that the features `rejected`.

    `measures`, by clip id, are those of the dataset's features; `found` is what its folder holds.

    `csv` is tidy (columns `COLUMNS`): what is "all" (clips in the manifest), "class" (per split and
    fold; a clip of several classes counts once for each), "missing" and "rejected" (name is the
    reason, without the file's name), "warning" (name is what there is to look into, as the
    manifest's job said, and in the sound) or "sha256" (name is the sum over the clips' ids and sums
    in sorted order: equal for two people who hold the same audio, wherever it lies; without sums,
    that there is none and, if the dataset's `adapter` has one, the option to change); "skipped"
    (name is the suffix of files that are no audio; see `FoundAudio`); and those of
    `class_sound.sound_rows`. `shared` lists the clips that other datasets of the run hold too: what
    is "shared" for those that features leave out, else "shared, kept"; name is the reason. `md`
    shows the same to a reader. hours: 0 where unknown; hz: 0 where it means nothing. What is odd in
    the sound is a DataWarning too.
    """
    table = read_manifest(manifest)
    rows = [*_clips(table), *_classes(table), *_reasons("missing", missing)]
    if rejected is not None:
        rows += _reasons("rejected", rejected)
    heard = _heard(table, measures)
    odd = warnings_of_sound(heard, table.classes) if heard is not None else []
    for said in odd:
        warnings.warn(said, DataWarning, stacklevel=2)
    rows += [{"what": "warning", "name": said} for said in [*table.warnings, *odd]]
    if shared is not None:
        rows += _shared(shared)
    if found is not None:
        rows += [
            {"what": "skipped", "name": name or "without suffix", "clips": count}
            for name, count in found.skipped.most_common()
        ]
    if heard is not None:
        rows += sound_rows(heard, table.classes)
    rows.append({"what": "sha256", "name": _audio_sum(table, adapter), "clips": len(table.frame)})
    summary = pd.DataFrame(rows, columns=list(COLUMNS)).assign(dataset=dataset)
    nothing = {"name": "", "split": "", "fold": 0, "clips": 0, "hours": 0.0, "hz": 0.0}
    summary = summary.fillna(nothing).round({"hz": 0})
    summary = summary.astype({"fold": int, "clips": int, "hz": int})
    with replacing(csv) as beside:
        summary.to_csv(beside, index=False, float_format="%.6f")
    with replacing(md) as beside:
        beside.write_text(_page(dataset, table, summary, heard), encoding="utf-8")


def _heard(table: ClipTable, measures: pd.DataFrame | None) -> pd.DataFrame | None:
    """Labels and measures of the clips that have features; None where there are no measures."""
    if measures is None or measures.empty or not len(measures.columns):
        return None
    return table.frame[["clip_id", "labels"]].set_index("clip_id").join(measures, how="inner")


def _clips(table: ClipTable) -> list[dict]:
    groups = table.frame.groupby(["split", "fold"])["duration_s"].agg(["size", "sum"])
    return [
        {"what": "all", "split": split, "fold": fold, "clips": count, "hours": seconds / 3600}
        for (split, fold), count, seconds in groups.itertuples(name=None)
    ]


def _classes(table: ClipTable) -> list[dict]:
    frame = table.frame[["labels", "split", "fold", "duration_s"]].explode("labels")
    frame = frame.dropna(subset="labels")
    groups = frame.groupby(["labels", "split", "fold"])["duration_s"].agg(["size", "sum"])
    order = {name: index for index, name in enumerate(table.classes)}
    return [
        {
            "what": "class",
            "name": name,
            "split": split,
            "fold": fold,
            "clips": count,
            "hours": seconds / 3600,
        }
        for (name, split, fold), count, seconds in sorted(
            groups.itertuples(name=None), key=lambda row: (order[row[0][0]], row[0][1:])
        )
    ]


def _reasons(what: str, path: Path) -> list[dict]:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    split = frame["split"] if "split" in frame.columns else pd.Series("", index=frame.index)
    names = map(_without_the_clip, frame["clip_id"], frame["reason"])
    counts = pd.DataFrame({"name": list(names), "split": split.to_numpy()}).value_counts(sort=False)
    return [
        {"what": what, "name": name, "split": split, "clips": count}
        for (name, split), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _shared(path: Path) -> list[dict]:
    rows = read_list(path)
    rows["what"] = np.where(rows["left_out"], "shared", "shared, kept")
    counts = rows.value_counts(["what", "reason", "split"], sort=False)
    return [
        {"what": what, "name": name, "split": split, "clips": count}
        for (what, name, split), count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))
    ]


def _without_the_clip(clip_id: str, reason: str) -> str:
    """The reason without this clip's name and lengths, so that equal reasons can be counted."""
    file = clip_id.partition("#")[0]
    if file in reason:
        reason = re.sub(rf"\S*{re.escape(file)}\S*", "the file", reason)
    reason = re.sub(r"(sample is) [0-9.e+-]+[0-9]", r"\1 N", reason)
    return re.sub(r"-?[0-9]+(\.[0-9]+)? (s|bytes|dB|samples)\b", r"N \2", reason)


def _audio_sum(table: ClipTable, adapter: str) -> str:
    frame = table.frame
    if (frame["sha256"] == "").any():
        return "not computed" + (
            " (options.checksums)" if declares(adapter, "SUMS_BY_OPTION") else ""
        )
    lines = sorted(f"{i} {s}\n" for i, s in zip(frame["clip_id"], frame["sha256"], strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _page(dataset: str, table: ClipTable, summary: pd.DataFrame, heard: pd.DataFrame | None) -> str:
    frame = table.frame
    hours = summary.loc[summary["what"] == "all", "hours"].sum()
    parts = [
        f"# {dataset}",
        f"{len(frame):,} clips from {frame['path'].nunique():,} files, {hours:,.2f} hours, "
        f"{len(table.classes)} classes.",
    ]
    if skipped := summary[summary["what"] == "skipped"].to_dict("records"):
        told = ", ".join(f"{row['clips']:,} {_cell(row['name'])}" for row in skipped)
        parts.append(f"Skipped, as no audio: {told}.")
    if said := summary.loc[summary["what"] == "warning", "name"].tolist():
        parts += ["## Warnings", "\n".join(f"- {_cell(text)}" for text in said)]
    for what, title in (("all", "Clips"), ("class", "Clips per class")):
        rows = summary[summary["what"] == what]
        if len(rows):
            parts += [f"## {title}", _cross_table(rows, title)]
    if heard is not None:
        body = table_of(summary, heard, table.classes)
        cells = [[_cell(cell) for cell in line] for line in body]
        parts += ["## Sound per class", _table(TABLE_HEAD, cells), LEGEND]
    titles = {"missing": "Missing", "rejected": "Rejected", **_SHARED}
    for what, title in titles.items():
        rows = summary[summary["what"] == what].groupby("name", sort=False)["clips"].sum()
        if len(rows):
            shown = rows.sort_values(ascending=False, kind="stable").head(_REASONS_SHOWN)
            body = [[_cell(name), f"{count:,}"] for name, count in shown.items()]
            if rest := int(rows.sum() - shown.sum()):
                body.append([f"{len(rows) - len(shown)} other reasons", f"{rest:,}"])
            parts += [f"## {title}: {rows.sum():,}", _table(["reason", "clips"], body)]
    sums = summary.loc[summary["what"] == "sha256", "name"].iloc[0]
    parts.append(f"sha256 over the clips' ids and sums, in sorted order: {sums}")
    return "\n\n".join(parts) + "\n"


def _cross_table(rows: pd.DataFrame, title: str) -> str:
    """Names by split and fold, with a total."""
    place = [
        " ".join(filter(None, [split, f"fold {fold}" if fold else ""])) or "clips"
        for split, fold in zip(rows["split"], rows["fold"], strict=True)
    ]
    cells = rows.assign(place=place, name=rows["name"].replace("", "all"))
    wide = cells.pivot_table(
        index="name", columns="place", values="clips", aggfunc="sum", fill_value=0, sort=False
    )
    wide = wide[sorted(wide.columns, key=lambda name: (len(name), name))]
    if wide.shape[1] > 1:
        wide["total"] = wide.sum(axis=1)
    body = [
        [_cell(name), *(f"{int(count):,}" for count in line)] for name, *line in wide.itertuples()
    ]
    return _table(["" if title == "Clips" else "class", *wide.columns], body)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))

"""What was really obtained of a dataset: clips, hours, what is missing and why, a checksum."""

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.audio.walk import FoundAudio
from vipann.datasets.class_sound import LEGEND, TABLE_HEAD, odd_sound, sound_rows, table_of
from vipann.datasets.manifest import ClipTable, read_manifest
from vipann.datasets.registry import declares
from vipann.datasets.shared import read_list
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
    parts = [*_clips(table), _reasons("missing", missing)]
    if rejected is not None:
        parts.append(_reasons("rejected", rejected))
    heard = None
    if measures is not None and measures.size:
        clips = table.frame[["clip_id", "labels"]].set_index("clip_id")
        heard = clips.join(measures, how="inner")
    odd = odd_sound(heard, table.classes) if heard is not None else []
    for warning in odd:
        warnings.warn(warning, DataWarning, stacklevel=2)
    parts.append(pd.DataFrame({"name": [*table.warnings, *odd]}).assign(what="warning"))
    if shared is not None:
        rows = read_list(shared).rename(columns={"reason": "name"})
        rows["what"] = np.where(rows["left_out"], "shared", "shared, kept")
        parts.append(_counted(rows))
    if found is not None:
        skipped = pd.DataFrame(found.skipped_counts(), columns=["name", "clips"])
        parts.append(skipped.assign(what="skipped"))
    if heard is not None:
        parts.append(pd.DataFrame(sound_rows(heard, table.classes)))
    about = {"what": "sha256", "name": _audio_sum(table, adapter), "clips": len(table.frame)}
    summary = _joined([*parts, pd.DataFrame([about])]).assign(dataset=dataset)
    with replacing(csv) as beside:
        summary.to_csv(beside, index=False, float_format="%.6f")
    with replacing(md) as beside:
        beside.write_text(_page(dataset, table, summary, heard), encoding="utf-8")


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The parts below each other, with all `COLUMNS`: 0 or "" where a part says nothing."""
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    nothing = {"name": "", "split": "", "fold": 0, "clips": 0, "hours": 0.0, "hz": 0.0}
    rows = rows.reindex(columns=list(COLUMNS)).fillna(nothing).round({"hz": 0})
    return rows.astype({"fold": int, "clips": int, "hz": int})


def _clips(table: ClipTable) -> Iterator[pd.DataFrame]:
    """Clips and hours of each split and fold, and of each class in them."""
    every = table.frame.assign(what="all", name="")
    classes = table.frame.explode("labels").dropna(subset="labels").assign(what="class")
    classes["name"] = pd.Categorical(classes["labels"], table.classes)
    for frame in (every, classes):
        groups = frame.groupby(["what", "name", "split", "fold"], observed=True)["duration_s"]
        counts = groups.agg(clips="size", hours="sum").reset_index()
        yield counts.assign(name=counts["name"].astype(str), hours=counts["hours"] / 3600)


def _reasons(what: str, path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    names = map(_without_the_clip, frame["clip_id"], frame["reason"])
    return _counted(frame.reindex(columns=["split"]).fillna("").assign(what=what, name=[*names]))


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """What, name and split, with the number of clips that have them; the most first."""
    counts = rows.value_counts(["what", "name", "split"]).reset_index(name="clips")
    order = ["clips", "what", "name", "split"]
    return counts.sort_values(order, ascending=[False, True, True, True])


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
    lines = sorted(frame["clip_id"] + " " + frame["sha256"] + "\n")
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
        counts = ", ".join(f"{row['clips']:,} {_cell(row['name'])}" for row in skipped)
        parts.append(f"Skipped, as no audio: {counts}.")
    if warned := summary.loc[summary["what"] == "warning", "name"].tolist():
        parts += ["## Warnings", "\n".join(f"- {_cell(text)}" for text in warned)]
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

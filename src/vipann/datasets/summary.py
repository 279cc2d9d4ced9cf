"""What was really obtained of a dataset: clips, hours, what is missing and why, a checksum."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vipann.datasets.manifest import ClipTable, read_manifest
from vipann.files import replacing

COLUMNS = ("dataset", "what", "name", "split", "fold", "clips", "hours")
_REASONS_SHOWN = 20
# Adapters that compute a clip's sum with options.checksums alone; the others always do or never.
SUMS_BY_OPTION = ("audioset",)


def write_summary(
    dataset: str,
    adapter: str,
    manifest: Path,
    missing: Path,
    csv: Path,
    md: Path,
    rejected: Path | None = None,
) -> None:
    """Count a manifest, the clips missing from it and those that the features `rejected`.

    `csv` is tidy (columns `COLUMNS`): what is "all" (clips in the manifest), "class" (per split and
    fold; a clip of several classes counts once for each), "missing" and "rejected" (name is the
    reason, without the file's name), "warning" (name is what the manifest's job said) or "sha256"
    (name is the sum over the clips' ids and sums in sorted order: equal for two people who hold the
    same audio, wherever it lies; without sums, that there is none and, if the dataset's `adapter`
    has one, the option to change). `md` shows the same to a reader. hours: 0 where unknown.
    """
    table = read_manifest(manifest)
    rows = [*_clips(table), *_classes(table), *_reasons("missing", missing)]
    if rejected is not None:
        rows += _reasons("rejected", rejected)
    rows += [{"what": "warning", "name": said} for said in table.warnings]
    rows.append({"what": "sha256", "name": _audio_sum(table, adapter), "clips": len(table.frame)})
    summary = pd.DataFrame(rows, columns=list(COLUMNS)).assign(dataset=dataset)
    summary = summary.fillna({"name": "", "split": "", "fold": 0, "clips": 0, "hours": 0.0})
    summary = summary.astype({"fold": int, "clips": int})
    with replacing(csv) as beside:
        summary.to_csv(beside, index=False, float_format="%.6f")
    with replacing(md) as beside:
        beside.write_text(_page(dataset, table, summary), encoding="utf-8")


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


def _without_the_clip(clip_id: str, reason: str) -> str:
    """The reason without this clip's name and lengths, so that equal reasons can be counted."""
    file = clip_id.partition("#")[0]
    if file in reason:
        reason = re.sub(rf"\S*{re.escape(file)}\S*", "the file", reason)
    return re.sub(r"[0-9]+\.[0-9]+ s\b", "N s", reason)


def _audio_sum(table: ClipTable, adapter: str) -> str:
    frame = table.frame
    if (frame["sha256"] == "").any():
        return "not computed" + (" (options.checksums)" if adapter in SUMS_BY_OPTION else "")
    lines = sorted(f"{i} {s}\n" for i, s in zip(frame["clip_id"], frame["sha256"], strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _page(dataset: str, table: ClipTable, summary: pd.DataFrame) -> str:
    frame = table.frame
    hours = summary.loc[summary["what"] == "all", "hours"].sum()
    parts = [
        f"# {dataset}",
        f"{len(frame):,} clips from {frame['path'].nunique():,} files, {hours:,.2f} hours, "
        f"{len(table.classes)} classes.",
    ]
    if table.warnings:
        parts += ["## Warnings", "\n".join(f"- {_cell(said)}" for said in table.warnings)]
    for what, title in (("all", "Clips"), ("class", "Clips per class")):
        rows = summary[summary["what"] == what]
        if len(rows):
            parts += [f"## {title}", _cross_table(rows, title)]
    for what in ("missing", "rejected"):
        rows = summary[summary["what"] == what].groupby("name", sort=False)["clips"].sum()
        if len(rows):
            shown = rows.sort_values(ascending=False, kind="stable").head(_REASONS_SHOWN)
            body = [[_cell(name), f"{count:,}"] for name, count in shown.items()]
            if rest := int(rows.sum() - shown.sum()):
                body.append([f"{len(rows) - len(shown)} other reasons", f"{rest:,}"])
            parts += [f"## {what.capitalize()}: {rows.sum():,}", _table(["reason", "clips"], body)]
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

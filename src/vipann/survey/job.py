"""One job of the workflow's survey: a part of the recordings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.files import replacing
from vipann.survey.engine import Survey, about_of, survey
from vipann.survey.model import Model
from vipann.survey.recordings import find_recordings, in_parts
from vipann.survey.windows import read_table, shard_numbers, shard_paths


def survey_part(
    model_folder: Path,
    out: Path,
    settings: Mapping[str, Any],
    accelerator: str,
    batch_size: int,
    workers: int,
) -> None:
    """Score part `settings["part"]` of the recordings into the survey folder above `out`, and say
    in `out` (JSON) what was done. Recordings that any part has scored already are not again.

    settings: `vipann.plan.survey.SurveyModel.part_settings`. Shards by another model, or with other
    settings, are deleted: the config decides what the survey is.

    Raises:
        UserError: see `survey` and `find_recordings`.
    """
    model, folder = Model.load(model_folder), out.parents[1]
    recordings = find_recordings([settings["recordings"]])
    parts = in_parts(recordings, settings["part_gigabytes"] * 10**9)
    number = settings["part"]
    own = parts[number - 1] if number <= len(parts) else []
    deciding = {key: settings[key] for key in ("hop_seconds", "mc_samples", "seed", "precision")}
    how = Survey(**deciding, accelerator=accelerator, batch_size=batch_size, workers=workers)
    _clear_others(folder, model, how)
    found = survey(model, own, folder, how)
    with replacing(out) as beside:
        beside.write_text(json.dumps(found._asdict(), indent=2) + "\n", encoding="utf-8")
    for name, fault in found.faults.items():
        print(f"not heard in full: {name}: {fault}")


def _clear_others(folder: Path, model: Model, how: Survey) -> None:
    about = about_of(model, how)
    for number in shard_numbers(folder):
        windows, recordings = shard_paths(folder, number)
        try:
            other = read_table(recordings)[0]
        except FileNotFoundError:  # another part has just deleted it
            continue
        if other != about:
            # The table of recordings first: without it a shard does not count.
            recordings.unlink(missing_ok=True)
            windows.unlink(missing_ok=True)

"""What a run asks for of datasets: the inputs and settings of the jobs that make their files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.config import archive_entries, in_order, trained_upstream
from vipann.datasets.registry import DRAWING_ADAPTERS
from vipann.errors import UserError
from vipann.files import digest, listed_sums
from vipann.parts import chosen_front_end, feature_settings
from vipann.plan.run import Run
from vipann.provenance.stamps import file_stamp, folder_stamp
from vipann.seeds import derive_seed


def download_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What says that a downloaded file is the right one, wherever it comes from."""
    places = ("url", "mirror_path", "how_to_get")
    return in_order({"entry": {key: entry[key] for key in entry if key not in places}})


def key_of(facts: Mapping[str, Any]) -> str:
    """Eight digits in a path, by which runs share a file only if it is the same for all of them."""
    return hashlib.sha256(json.dumps(in_order(facts)).encode()).hexdigest()[:8]


def file_key(entry: Mapping[str, Any]) -> str:
    """Of a downloaded file: what says that it is the right one; without a sum, its address too."""
    address = {} if listed_sums(entry) else {"url": entry.get("url")}
    return key_of(download_settings(entry) | address)


def archive_entry(run: Run, dataset: str, file: str) -> Mapping[str, Any]:
    """One of `archives`, or a file on the dataset's classes."""
    entries = archive_entries(run.blocks[dataset])
    return next(entry for entry in entries if entry["file"] == file)


def archive_path(run: Run, dataset: str, entry: Mapping[str, Any]) -> str:
    return f"{run.data}/{dataset}/archives/{file_key(entry)}/{entry['file']}"


def archives_of(run: Run, dataset: str) -> list[str]:
    return [archive_path(run, dataset, e) for e in run.blocks[dataset].get("archives", [])]


def audio_of(run: Run, dataset: str) -> str:
    """The folder with a dataset's audio: the user's own, or what `audio` fills."""
    if path := run.blocks[dataset]["options"].get("path"):
        return path
    name = run.ood if run.ood and dataset in run.ood_windows.values() else dataset
    return f"{run.data}/{name}/audio_{_audio_key(run, name)}"


def _audio_key(run: Run, dataset: str) -> str:
    """Of what decides on the audio, its code left aside: that replaces it where it lies."""
    entries = run.blocks[dataset].get("archives", [])
    facts = {"block": _clips(run, dataset)["block"], "archives": list(map(file_key, entries))}
    if drawn_by := _drawn_by(run, dataset):
        facts["seed"] = derive_seed(run.config["seed"], *drawn_by)
    return key_of(facts)


def _drawn_by(run: Run, dataset: str) -> tuple[str, ...]:
    """The names of a seed where the audio is drawn; other audio is shared by runs of any seed."""
    is_drawn = run.blocks[dataset]["adapter"] in DRAWING_ADAPTERS
    return ("audio", dataset) if is_drawn else ()


def fetched_of(run: Run, dataset: str) -> list[str]:
    """What the shards that fetch a dataset's clips one by one leave on record."""
    options = run.blocks[dataset]["options"]
    shards = options.get("fetch_shards", 1) if options.get("fetch") else 0
    return [f"{run.data}/{dataset}/fetched/{i}-of-{shards}.csv" for i in range(1, shards + 1)]


def fetch_settings(run: Run, dataset: str) -> dict[str, Any]:
    options = run.blocks[dataset]["options"]
    return {"clips": options.get("audio_dir") or f"{run.data}/{dataset}/clips"}


def audio_settings(run: Run, dataset: str) -> dict[str, Any]:
    return run.settings("audio.py", *_drawn_by(run, dataset), **_clips(run, dataset))


def manifest_settings(run: Run, dataset: str) -> dict[str, Any]:
    """With the state of the user's own audio, and how the folds of a crossed dataset validate."""
    is_crossed = dataset in run.transfer_datasets
    return run.settings(
        "manifest.py",
        "manifest",
        dataset,
        validation=run.config["validation"]["split"] if is_crossed else None,
        **_clips(run, dataset),
        **own_audio(run, dataset),
    )


def _clips(run: Run, dataset: str) -> dict[str, Any]:
    """The part of a dataset's block that decides on its audio and its list of clips, and the module
    that reads it."""
    block = run.blocks[dataset]
    how = ("fetch", "fetch_shards", "yt_dlp_args")
    options = {key: value for key, value in block["options"].items() if key not in how}
    keys = ("adapter", "task", "clip_seconds", "folds")
    kept = {key: block[key] for key in keys if key in block}
    chosen = (f"vipann.datasets.adapters.{block['adapter']}",)
    return {"block": kept | {"options": options}, "chosen": chosen}


def strong_labels_settings(run: Run, dataset: str) -> dict[str, Any]:
    return run.settings("strong_labels.py", **_clips(run, dataset))


def by_hand_of(run: Run, dataset: str) -> str | None:
    """The folder that recordings are put into by hand, where the dataset has no other source."""
    block = run.blocks[dataset]
    elsewhere = block["options"].get("path") or block.get("archives")
    if block["adapter"] != "shipsear" or elsewhere:
        return None
    return f"{Path(audio_of(run, dataset)).parent}/recordings"


def own_audio(run: Run, dataset: str) -> dict[str, Any]:
    """The state of audio, and of a table of it, that lie in places of the user's own.

    Raises:
        UserError: names in the folder that cannot be used (`vipann.audio.walk.find_audio`).
    """
    options = run.blocks[dataset]["options"]
    path, csv = options.get("path"), options.get("csv")
    by_hand = by_hand_of(run, dataset)
    place = path or by_hand
    found = {"clips": folder_stamp(place)} if place else {}
    if csv and by_hand:
        # It is read from the folder beside, in which the recordings are a link made by `audio`.
        found["csv"] = file_stamp(Path(by_hand).parent / csv.removeprefix("../"))
    elif csv and (path or Path(csv).is_absolute()):
        found["csv"] = file_stamp(Path(path or ".") / csv)
    return found


def refuse_lost(run: Run) -> None:
    """Stop a plan whose own recordings are not where the config says.

    Raises:
        UserError: names the key and the folder.
    """
    for dataset in filter(None, [*run.tested, run.ood]):
        path = run.blocks[dataset]["options"].get("path")
        if path and not Path(path).is_dir():
            raise UserError(
                f"datasets.{dataset}.options.path: there is no folder {path}. Name the folder of "
                "your recordings: a whole path, or one that starts at the folder of this project."
            )


def walked_folder(run: Run, dataset: str) -> str | None:
    """The folder whose audio files are a dataset's recordings, where no table lists them."""
    block = run.blocks[dataset]
    is_listed = block["adapter"] == "folder" and block["options"].get("csv")
    is_walked = block["adapter"] in ("folder", "shipsear") and not is_listed
    return audio_of(run, dataset) if is_walked else None


def manifest_of(run: Run, dataset: str) -> str:
    return f"{run.results}/manifests/{dataset}.parquet"


def features_of(run: Run, dataset: str) -> str:
    """By the run's front end, or by that of the variant that `run` is of."""
    folder = f"{run.results}/features"
    return f"{folder}/{run.front_end}/{dataset}.h5" if run.front_end else f"{folder}/{dataset}.h5"


def role_of(run: Run, dataset: str) -> str:
    """What the run makes of a dataset; "" where it isn't one of the run's."""
    if dataset in run.transfer_datasets:
        return "transfer"
    if dataset in run.ood_windows.values():
        return "ood"
    return "upstream" if dataset == run.upstream else ""


def compared_with(run: Run, dataset: str) -> list[str]:
    """The datasets of the run whose audio a dataset should not hold as well.

    Upstream audio that none of the run's networks is trained on need not be there.
    """
    role = role_of(run, dataset)
    trained = [run.upstream] if trained_upstream(run.config["pretrain"]) else []
    others = [*(trained if role == "ood" else []), *(run.transfer_datasets if role else [])]
    return [name for name in others if name and name != dataset]


def compared_manifests(run: Run, dataset: str) -> list[str]:
    return [manifest_of(run, name) for name in [dataset, *compared_with(run, dataset)]]


def shared_list_of(run: Run, dataset: str) -> list[str]:
    """The list of a dataset's clips whose audio others of the run hold; [] without others."""
    shared = f"{run.results}/manifests/{dataset}.shared.csv"
    return [shared] if compared_with(run, dataset) else []


def left_out_of(run: Run, dataset: str) -> list[str]:
    """That list, for a dataset whose features leave its clips out."""
    has_these = role_of(run, dataset) in ("upstream", "ood")
    return shared_list_of(run, dataset) if has_these else []


def shared_settings(run: Run, dataset: str) -> dict[str, Any]:
    datasets = [dataset, *compared_with(run, dataset)]
    return run.settings("shared.py", datasets=datasets, role=role_of(run, dataset))


def summary_settings(run: Run, dataset: str) -> dict[str, Any]:
    adapter, walked = run.blocks[dataset]["adapter"], walked_folder(run, dataset)
    return run.settings("summary.py", adapter_name=adapter, walked=walked)


def summarized(run: Run) -> list[str]:
    return [*run.tested, *sorted(set(run.ood_windows.values()))]


def without_shared(run: Run) -> list[str]:
    """Those that networks of the run are trained on, or score, without what other datasets hold."""
    trained = [run.upstream] if trained_upstream(run.config["pretrain"]) else []
    return [name for name in [*trained, run.ood] if name and left_out_of(run, name)]


def shards_of(run: Run) -> dict[str, int]:
    """In how many parts the features of each dataset whose clips have a length are made."""
    cut = {name: block for name, block in run.blocks.items() if "clip_seconds" in block}
    return {name: block.get("shards", 1) for name, block in cut.items()}


def features_settings(run: Run, dataset: str) -> dict[str, Any]:
    """With the sum of the list of clips to leave out, once it is there."""
    block = run.blocks[dataset]
    lists = left_out_of(run, dataset)
    return run.settings(
        "features.py",
        block={key: block[key] for key in ("clip_seconds", "padding", "task")},
        features=feature_settings(run.config["features"]),
        chosen=chosen_front_end(run.config),
        left_out=[digest(path) for path in lists if Path(path).exists()],
    )


def joining_settings(run: Run) -> dict[str, Any]:
    return run.settings("join_features.py")


def label_quality_of(run: Run, dataset: str) -> str:
    """How many of each class's labels are true, by the dataset's `label_quality`."""
    return f"{run.results}/label_quality/{dataset}.csv"


def label_quality_inputs(run: Run, dataset: str) -> dict[str, str]:
    """manifest and audio, which may say by which ids the list knows the classes; the list."""
    return {
        "manifest": manifest_of(run, dataset),
        "audio": audio_of(run, dataset),
        "quality": archive_path(run, dataset, run.blocks[dataset]["label_quality"]),
    }


def label_quality_settings(run: Run, dataset: str) -> dict[str, Any]:
    adapter = run.blocks[dataset]["adapter"]
    chosen = (f"vipann.datasets.adapters.{adapter}",)
    return run.settings("label_quality.py", chosen=chosen, adapter=adapter)

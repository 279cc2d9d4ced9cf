# What the config says of datasets, as inputs and settings of their jobs.


def archive_settings(entry: dict) -> dict:
    """What says that a downloaded file is the right one, wherever it comes from."""
    places = ("url", "mirror_path", "how_to_get")
    return in_order({"entry": {key: entry[key] for key in entry if key not in places}})


def archive_entry(dataset: str, file: str) -> dict:
    entries = BLOCKS[dataset].get("archives", [])
    return next(entry for entry in entries if entry["file"] == file)


def archives_of(wildcards) -> list[str]:
    entries = BLOCKS[wildcards.dataset].get("archives", [])
    return [f"{DATA}/{wildcards.dataset}/archives/{entry['file']}" for entry in entries]


def audio_of(dataset: str) -> str:
    """The folder with a dataset's audio: the user's own, or what `audio` fills."""
    folder = OOD if dataset in OOD_WINDOWS.values() else dataset
    return BLOCKS[dataset]["options"].get("path") or f"{DATA}/{folder}/audio"


def fetched_of(dataset: str) -> list[str]:
    """What the shards that fetch a dataset's clips one by one leave on record."""
    options = BLOCKS[dataset]["options"]
    shards = options.get("fetch_shards", 1) if options.get("fetch") else 0
    return [f"{DATA}/{dataset}/fetched/{i}-of-{shards}.csv" for i in range(1, shards + 1)]


def fetch_settings(dataset: str) -> dict:
    options = BLOCKS[dataset]["options"]
    return {"clips": options.get("audio_dir") or f"{DATA}/{dataset}/clips"}


def by_hand_of(dataset: str) -> str | None:
    """The folder that recordings are put into by hand, where the dataset has no other source."""
    block = BLOCKS[dataset]
    elsewhere = block["options"].get("path") or block.get("archives")
    if block["adapter"] != "shipsear" or elsewhere:
        return None
    return f"{Path(audio_of(dataset)).parent}/recordings"


def own_audio_settings(dataset: str) -> dict:
    """The state of audio, and of a table of it, that lie in places of the user's own."""
    options = BLOCKS[dataset]["options"]
    path, csv = options.get("path"), options.get("csv")
    by_hand = by_hand_of(dataset)
    place = path or by_hand
    found = {"clips": folder_stamp(place)} if place else {}
    if csv and by_hand:
        # It is read from the folder beside, in which the recordings are a link made by `audio`.
        found["csv"] = file_stamp(Path(by_hand).parent / csv.removeprefix("../"))
    elif csv and (path or Path(csv).is_absolute()):
        found["csv"] = file_stamp(Path(path or ".") / csv)
    return found


def walked_folder(dataset: str) -> str | None:
    """The folder whose audio files are a dataset's recordings, where no table lists them."""
    block = BLOCKS[dataset]
    is_listed = block["adapter"] == "folder" and block["options"].get("csv")
    is_walked = block["adapter"] in ("folder", "shipsear") and not is_listed
    return audio_of(dataset) if is_walked else None


def judging_settings(dataset: str) -> dict:
    """What the manifest judges folds by: how they validate, None where nothing is trained on them."""
    crossed = dataset in TRANSFER_DATASETS
    return {"validation": config["validation"]["split"] if crossed else None}


def clip_settings(dataset: str) -> dict:
    """The part of a dataset's block that decides on its audio and its list of clips."""
    block = BLOCKS[dataset]
    kept = ("adapter", "task", "clip_seconds", "folds", "options")
    block = {key: block[key] for key in sorted(kept) if key in block}
    how = ("fetch", "fetch_shards", "yt_dlp_args")
    block["options"] = {key: value for key, value in block["options"].items() if key not in how}
    return {"block": block}


def audio_seed_words(dataset: str) -> list[str]:
    """What names the seed of audio that is drawn; nothing of other audio, which runs of several
    seeds share."""
    is_drawn = BLOCKS[dataset]["adapter"] in DRAWING_ADAPTERS
    return ["audio", dataset] if is_drawn else []


def extraction_settings(dataset: str) -> dict:
    block = BLOCKS[dataset]
    return {
        "block": {key: block[key] for key in ("clip_seconds", "padding", "task")},
        "features": feature_settings(config["features"]),
        "chosen": chosen_front_end(config),
    }


def manifest_of(dataset: str) -> str:
    """The list of a dataset's clips that is compared with those of others."""
    return f"{RESULTS}/manifests/{dataset}.parquet"


def role_of(dataset: str) -> str:
    """What the run makes of a dataset; "" where it isn't one of the run's."""
    if dataset in TRANSFER_DATASETS:
        return "transfer"
    if dataset in OOD_WINDOWS.values():
        return "ood"
    return "upstream" if dataset == UPSTREAM else ""


def compared_with(dataset: str) -> list[str]:
    """The datasets of the run whose audio a dataset should not hold as well.

    Upstream audio that none of the run's networks is trained on need not be there.
    """
    role = role_of(dataset)
    trained = [UPSTREAM] if trained_upstream(config["pretrain"]) else []
    others = [*(trained if role == "ood" else []), *(TRANSFER_DATASETS if role else [])]
    return [name for name in others if name != dataset]


def shared_list_of(dataset: str) -> list[str]:
    """The list of a dataset's clips whose audio others of the run hold; [] without others."""
    return [f"{RESULTS}/manifests/{dataset}.shared.csv"] if compared_with(dataset) else []


def left_out_of(dataset: str) -> list[str]:
    """That list, for a dataset whose features leave its clips out."""
    return shared_list_of(dataset) if role_of(dataset) in ("upstream", "ood") else []


def left_out_as_it_is(dataset: str) -> list[str]:
    """That list as an input whose contents count by `left_out_settings` alone, once it is there.

    It is made from manifests of all datasets, and so again after each edit of one of them. Were it
    an input like others, Snakemake would plan the features and all trainings anew before it knows
    that the list is as it was. With `ancient` alone it would plan too few: what comes after a job
    that runs is not looked at for reasons of its own, also if that job is no reason for it to run.
    """
    return [
        before_update(ancient(path)) if Path(path).exists() else path
        for path in left_out_of(dataset)
    ]


def left_out_settings(dataset: str) -> dict:
    """The contents of that list, as far as it is there, by its sum."""
    return {"left_out": [digest(path) for path in left_out_of(dataset) if Path(path).exists()]}

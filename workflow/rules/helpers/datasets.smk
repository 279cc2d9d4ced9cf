# What the config says of datasets, as inputs and settings of their jobs.


def archive_settings(entry: dict) -> dict:
    """What says that a downloaded file is the right one, wherever it comes from."""
    places = ("url", "mirror_path", "how_to_get")
    return in_order({"entry": {key: entry[key] for key in entry if key not in places}})


def archive_entry(dataset: str, file: str) -> dict:
    entries = config["datasets"][dataset].get("archives", [])
    return next(entry for entry in entries if entry["file"] == file)


def archives_of(wildcards) -> list[str]:
    entries = config["datasets"][wildcards.dataset].get("archives", [])
    return [f"{DATA}/{wildcards.dataset}/archives/{entry['file']}" for entry in entries]


def audio_of(dataset: str) -> str:
    """The folder with a dataset's audio: the user's own, or what `audio` fills."""
    return config["datasets"][dataset]["options"].get("path") or f"{DATA}/{dataset}/audio"


def fetched_of(dataset: str) -> list[str]:
    """What the shards that fetch a dataset's clips one by one leave on record."""
    options = config["datasets"][dataset]["options"]
    shards = options.get("fetch_shards", 1) if options.get("fetch") else 0
    return [f"{DATA}/{dataset}/fetched/{i}-of-{shards}.csv" for i in range(1, shards + 1)]


def fetch_settings(dataset: str) -> dict:
    options = config["datasets"][dataset]["options"]
    return {"clips": options.get("audio_dir") or f"{DATA}/{dataset}/clips"}


def own_audio_settings(dataset: str) -> dict:
    """The state of audio that lies in a folder of the user's own, and of the table beside it."""
    options = config["datasets"][dataset]["options"]
    if not options.get("path"):
        return {}
    # The table may lie anywhere: its path is only taken from that folder.
    csv = (
        {"table": file_stamp(Path(options["path"]) / options["csv"])} if options.get("csv") else {}
    )
    return {"clips": folder_stamp(options["path"]), **csv}


def judging_settings(dataset: str) -> dict:
    """What the manifest judges folds by: how they validate, None where nothing is trained on them."""
    crossed = dataset in TRANSFER_DATASETS
    return {"validation": config["validation"]["split"] if crossed else None}


def clip_settings(dataset: str) -> dict:
    """The part of a dataset's block that decides on its audio and its list of clips."""
    block = config["datasets"][dataset]
    kept = ("adapter", "task", "clip_seconds", "folds", "options")
    block = {key: block[key] for key in sorted(kept)}
    how = ("fetch", "fetch_shards", "yt_dlp_args")
    block["options"] = {key: value for key, value in block["options"].items() if key not in how}
    return {"block": block}


def audio_seed_words(dataset: str) -> list[str]:
    """What names the seed of audio that is drawn; nothing of other audio, which runs of several
    seeds share."""
    is_drawn = config["datasets"][dataset]["adapter"] in DRAWING_ADAPTERS
    return ["audio", dataset] if is_drawn else []


def extraction_settings(dataset: str) -> dict:
    block = config["datasets"][dataset]
    return {
        "block": {key: block[key] for key in ("clip_seconds", "padding", "task")},
        "features": used_features(config),
    }

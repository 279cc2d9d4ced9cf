"""What a finished run hands in: its code, its config, and a Workflow Run RO-Crate of its folder.

https://w3id.org/ro/wfrun/workflow/0.5 says what is in such a crate: the workflow, one action that
ran it, what that read and what it made, each with a checksum. What is not known is left out.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vipann.files import replacing

METADATA, CODE, CONFIG = "ro-crate-metadata.json", "code.zip", "config.json"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
# Of md5 and sha256, which RO-Crate's own context lacks.
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_SOURCES = ("workflow", "src", "config", "notebooks")
_BESIDE = ("requirements.lock", "environment.yml", "pyproject.toml", "LICENSE", "CITATION.cff")
# Below a run's folder, what is no result of it: the index may stand before the last log is closed.
_NO_RESULTS = {"logs", "benchmarks", "tensorboard", "data"}
_PACKAGES = ("torch", "torchaudio", "bayesian-torch", "lightning-fabric", "librosa", "h5py")
# Larger files stand with their size only: a sum would take longer than the job has.
_LARGEST_SUMMED = 2**31


def hand_in(run: Path, root: Path, config: Mapping[str, Any]) -> None:
    """Write code.zip, config.json and ro-crate-metadata.json into the folder of a finished run.

    root: the repository; config: the run's, merged. A failure is reported, and is none of the run:
    then there is no metadata file, for one that leaves out results would pass for whole.
    """
    (run / METADATA).unlink(missing_ok=True)
    try:
        _pack(root, run / CODE)
        with replacing(run / CONFIG) as beside:
            beside.write_text(json.dumps(_plain(config), indent=1), encoding="utf-8")
        text = json.dumps(metadata(run, root, config), indent=1, ensure_ascii=False)
        with replacing(run / METADATA) as beside:
            beside.write_text(text, encoding="utf-8")
    except Exception as error:  # whatever it is, the results are there
        print(f"no {METADATA} was written: {type(error).__name__}: {error}")


def metadata(run: Path, root: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-LD document of a run's folder in which code.zip and config.json lie."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(_TERMS)
    crate.name = f"Run {config['run']} of the VI-PANN workflow"
    crate.description = (
        f"Tables, figures and all that they were computed from, of {', '.join(config['papers'])}."
    )
    workflow = _workflow(crate, run)
    profiles = [
        crate.add_jsonld({"@id": uri, "@type": "CreativeWork", "name": name})
        for uri, name in _PROFILES.items()
    ]
    crate.root_dataset["conformsTo"] = profiles
    settings = crate.add_file(run / CONFIG, CONFIG, properties=_facts(run / CONFIG))
    results = [
        crate.add_file(path, path.relative_to(run).as_posix(), properties=_facts(path))
        for path in _results(run)
    ]
    started = [path.stat().st_mtime for path in (run / "logs").rglob("*.log")]
    times = {"startTime": _time(min(started))} if started else {}
    crate.add_action(
        workflow,
        identifier="#run",
        object=[settings, *_archives(crate, config), *_environment(crate, root)],
        result=results,
        properties={
            "name": f"Run {config['run']}",
            **times,
            "endTime": datetime.now(UTC).isoformat(timespec="seconds"),
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        },
    )
    return crate.metadata.generate()


def _workflow(crate: Any, run: Path) -> Any:
    """The code, as one file, with what runs it."""
    facts = {"name": "VI-PANN workflow (workflow/Snakefile in this archive)"}
    workflow = crate.add_workflow(
        run / CODE, CODE, main=True, lang="snakemake", properties=facts | _facts(run / CODE)
    )
    tools = [
        crate.add_jsonld(
            {
                "@id": f"#{name}",
                "@type": "SoftwareApplication",
                "name": name,
                "softwareVersion": found,
            }
        )
        for name, found in _versions(["snakemake", *_PACKAGES])
    ]
    workflow["softwareRequirements"] = tools
    return workflow


def _versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _archives(crate: Any, config: Mapping[str, Any]) -> list[Any]:
    """The archives of the run's datasets that have an address, with the sums that they had to have:
    the first of those that count."""
    used = {config["upstream"], config["ood"], *config["transfer_datasets"]} - {None}
    found = {}
    for block in (config["datasets"][name] for name in sorted(used)):
        for archive in block.get("archives", []):
            sums = {kind: archive[kind][0] for kind in ("sha256", "md5") if archive.get(kind)}
            if archive.get("url") and archive["url"] not in found:
                facts = {"name": archive["file"], **sums}
                found[archive["url"]] = crate.add_file(archive["url"], properties=facts)
    return list(found.values())


def _environment(crate: Any, root: Path) -> list[Any]:
    """The lock file, by its sum: it is in code.zip."""
    lock = root / "requirements.lock"
    if not lock.is_file():
        return []
    facts = {"@id": "#requirements.lock", "@type": "CreativeWork", "name": lock.name}
    return [crate.add_jsonld(facts | {"sha256": _sum(lock)})]


def _results(run: Path) -> list[Path]:
    own = {METADATA, CODE, CONFIG}
    return [
        path
        for path in sorted(run.rglob("*"))
        if path.is_file()
        and (parts := path.relative_to(run).parts)[0] not in _NO_RESULTS
        and not any(part.startswith(".") for part in parts)
        and parts[0] not in own
    ]


def _facts(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    facts = {"contentSize": str(size), "dateModified": _time(path.stat().st_mtime)}
    return facts | ({"sha256": _sum(path)} if size <= _LARGEST_SUMMED else {})


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the workflow adds for itself."""
    return {key: value for key, value in config.items() if key != "captions"}


def _pack(root: Path, archive: Path) -> None:
    """The repository's own text, the same bytes for the same contents."""
    below = [path for name in _SOURCES for path in sorted((root / name).rglob("*"))]
    files = [path for path in below if path.is_file() and not _is_cached(path.relative_to(root))]
    with (
        replacing(archive) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for path in [*files, *(root / name for name in _BESIDE if (root / name).is_file())]:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())


def _is_cached(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)

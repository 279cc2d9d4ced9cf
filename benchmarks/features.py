"""Cost of the features: extraction beside decoding alone and beside librosa, and random reading.

The contenders take turns for several rounds, and ratios are taken within a round. Processor
seconds count beside the wall's, as they depend less on what else the machine does. Run it with
`make bench-features MIRROR=<folder>`, on an idle machine; without a mirror it makes its own audio.
"""

import argparse
import os
import resource
import statistics
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import h5py
import librosa
import numpy as np
import soundfile
import soxr
from reporting import machine, publish

from vipann.audio.probe import inspect_audio
from vipann.config import read_layer
from vipann.datasets.adapters.synthetic import place_audio
from vipann.datasets.manifest import clip_row, clip_table, write_manifest
from vipann.features.audio import front_end_of
from vipann.features.extract import extract_features
from vipann.features.store import FeatureStore
from vipann.parts import feature_settings

SETTINGS = read_layer(Path(__file__).parents[1] / "config/config.yaml")
SETTINGS = feature_settings(SETTINGS["features"])
BLOCK = {"task": "multiclass", "clip_seconds": 5.0, "padding": "zero"}
SYNTHETIC = BLOCK | {
    "folds": 1,
    "options": {
        "set": "scenes",
        "sample_rate": 44100,
        "clips_per_class_and_fold": 10,
        "snr_db": [5, 25],
    },
}
ARCHIVES = {"ESC-10.zip": ".ogg", "UrbanSound8K-mini.tar.gz": ".wav"}
AUDIOSET_CLIPS = 2_041_789 + 22_160 + 20_371
AUDIOSET_SECONDS = 10.0
BATCH = 32


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        folder = Path(scratch)
        sets = _audio(arguments.mirror, folder / "audio", arguments.clips)
        report = {
            "command": _command(arguments),
            "machine": machine("numpy", "scipy", "librosa", "soundfile", "soxr", "h5py", "torch"),
            "load_average_at_start": os.getloadavg(),
            "front_end": {n: front_end(files, arguments.rounds) for n, files in sets.items()},
            "extraction": {
                name: extraction(folder, files, arguments.workers, arguments.rounds)
                for name, files in sets.items()
            },
        }
        report["storage"] = storage(folder / "f.h5")
        report["reading"] = reading(folder, arguments.read_clips, arguments.rounds)
        report["load_average_at_end"] = os.getloadavg()
    publish(report, _markdown(report), arguments.out)


def front_end(files: list[Path], rounds: int) -> dict:
    """Resampling and log-mel of decoded clips in one thread, ours beside librosa's."""
    decoded = [soundfile.read(path, dtype="float32") for path in files[:50]]
    log_mel = front_end_of(SETTINGS)

    def ours() -> None:
        for samples, rate in decoded:
            log_mel(soxr.resample(samples, rate, SETTINGS["sample_rate"], "HQ"))

    def librosas() -> None:
        for samples, rate in decoded:
            _librosa_logmel(samples, rate)

    found = _in_turn({"ours": ours, "librosa": librosas}, rounds)
    return _rates(found, len(decoded)) | {"librosa / ours": _ratio(found, "librosa", "ours")}


def extraction(folder: Path, files: list[Path], workers: int, rounds: int) -> dict:
    """Whole extraction, decoding alone, and librosa's load and log-mel, each by `workers`."""
    rows = [
        clip_row(inspect_audio(folder, path.relative_to(folder).as_posix()), str(path), ["x"], 5.0)
        for path in files
    ]
    write_manifest(clip_table(rows, ["x"]), folder / "m.parquet")

    def ours() -> None:
        out = folder / "f.h5"
        with redirect_stdout(StringIO()):
            extract_features(folder / "m.parquet", folder, BLOCK, SETTINGS, out, workers)

    def decoding() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(_decode, files))

    def librosas() -> None:
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(_librosa_clip, files, chunksize=10))

    found = _in_turn({"ours": ours, "decoding": decoding, "librosa": librosas}, rounds)
    return _rates(found, len(files)) | {
        "workers": workers,
        "ours / decoding": _ratio(found, "ours", "decoding"),
        "librosa / ours": _ratio(found, "librosa", "ours"),
    }


def storage(path: Path) -> dict[str, float]:
    """Bytes a clip, measured, and what all of AudioSet takes at its length of a clip."""
    with FeatureStore(path) as store:
        per_clip = path.stat().st_size / len(store)
        per_frame = per_clip / store.shape[1]
    frames = front_end_of(SETTINGS).frames(round(AUDIOSET_SECONDS * SETTINGS["sample_rate"]))
    return {
        "kib_per_5_s_clip": per_clip / 1024,
        "audioset_gb": per_frame * frames * AUDIOSET_CLIPS / 1e9,
    }


def reading(folder: Path, clips: int, rounds: int) -> dict[str, dict[str, float]]:
    """Clips a second in shuffled batches of 32, from a warm and from a dropped page cache."""
    from vipann.features.batches import LogmelDataset, batch_loader
    from vipann.training.sampling import BatchOrder, Shares

    path = folder / "many.h5"
    _repeat(folder / "f.h5", path, clips)
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        for workers in (0, 1, 2):
            with FeatureStore(path) as store:
                rows = LogmelDataset(store, store.rows())
                order = BatchOrder(len(rows), BATCH, number)
                steps = Shares(order, range(order.steps_per_epoch))
                loader = batch_loader(rows, steps, workers)
                sum(len(x) for x, _ in loader)  # The workers are started and have read it all.
                for state, prepare in (("warm", lambda: None), ("cold", partial(_drop, path))):
                    prepare()
                    started = time.perf_counter()
                    read = sum(len(x) for x, _ in loader)
                    seconds = time.perf_counter() - started
                    found.setdefault(f"{workers} workers, {state}", []).append(read / seconds)
    return {
        name: {"median": statistics.median(r), "min": min(r), "max": max(r)}
        for name, r in found.items()
    } | {"gb": path.stat().st_size / 1e9}


def _librosa_logmel(samples: np.ndarray, rate: int) -> np.ndarray:
    target = SETTINGS["sample_rate"]
    resampled = librosa.resample(samples, orig_sr=rate, target_sr=target, res_type="soxr_hq")
    mel = librosa.feature.melspectrogram(
        y=resampled,
        sr=target,
        n_fft=SETTINGS["window_length"],
        hop_length=SETTINGS["hop_length"],
        window=SETTINGS["window"],
        n_mels=SETTINGS["mel_bands"],
        fmin=SETTINGS["fmin"],
        fmax=SETTINGS["fmax"],
        pad_mode="reflect",
    )
    return librosa.power_to_db(mel, ref=1.0, amin=SETTINGS["amin"], top_db=None)


def _librosa_clip(path: Path) -> None:
    samples, rate = librosa.load(path, sr=None, mono=True)
    _librosa_logmel(samples, rate)


def _decode(path: Path) -> None:
    soundfile.read(path, dtype="float32")


def _in_turn(contenders: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[dict]]:
    """Wall and processor seconds of each contender in each round, after one that is not counted."""
    found: dict[str, list[dict]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            wall, processor = time.perf_counter(), _processor_seconds()
            run()
            taken = {
                "wall_s": time.perf_counter() - wall,
                "cpu_s": _processor_seconds() - processor,
            }
            if number:
                found[name].append(taken)
                print(f"round {number}: {name} {taken}", file=sys.stderr, flush=True)
    return found


def _processor_seconds() -> float:
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _rates(found: dict[str, list[dict]], clips: int) -> dict:
    return {"clips": clips} | {
        name: {
            "clips_per_s": clips / statistics.median(r["wall_s"] for r in rounds),
            "cpu_ms_per_clip": 1e3 * statistics.median(r["cpu_s"] for r in rounds) / clips,
        }
        for name, rounds in found.items()
    }


def _ratio(found: dict[str, list[dict]], above: str, below: str) -> dict[str, dict[str, float]]:
    ratios = {}
    for kind in ("wall_s", "cpu_s"):
        each = [a[kind] / b[kind] for a, b in zip(found[above], found[below], strict=True)]
        ratios[kind] = {"median": statistics.median(each), "min": min(each), "max": max(each)}
    return ratios


def _audio(mirror: Path | None, folder: Path, clips: int) -> dict[str, list[Path]]:
    """Files of each set: real ones from the mirror's archives, else synthetic ones."""
    if mirror is None:
        place_audio([], folder, SYNTHETIC, 0)
        return {"synthetic scenes (flac, 44.1 kHz)": sorted(folder.rglob("*.flac"))[:clips]}
    found = {}
    for name, suffix in ARCHIVES.items():
        if (mirror / name).is_file():
            target = folder / name
            _unpack(mirror / name, target)
            files = sorted(target.rglob(f"*{suffix}"))[:clips]
            info = soundfile.info(files[0])
            found[f"{name} ({info.subtype.lower()}, {info.samplerate / 1000:g} kHz)"] = files
    if not found:
        raise SystemExit(f"{mirror} holds none of {', '.join(ARCHIVES)}")
    return found


def _unpack(archive: Path, target: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target)
        return
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")


def _repeat(source: Path, target: Path, clips: int) -> None:
    """A feature file of `clips` rows, which are those of `source` over and over."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        rows = np.arange(clips) % len(old["logmel"])
        shape = (clips, *old["logmel"].shape[1:])
        logmel = new.create_dataset("logmel", shape, "float16", chunks=(1, *shape[1:]))
        for position, row in enumerate(rows):
            logmel.id.write_direct_chunk((position, 0, 0), old["logmel"][row])
        for name in ("labels", "clip_id", "fold", "split", "recording"):
            new.create_dataset(name, data=old[name][()][rows], dtype=old[name].dtype)
        new.attrs.update(old.attrs)


def _drop(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _command(arguments: argparse.Namespace) -> str:
    # Where the audio lies is nobody else's business, and means nothing elsewhere.
    values = f"--clips {arguments.clips} --read-clips {arguments.read_clips} "
    values += f"--workers {arguments.workers} --rounds {arguments.rounds}"
    mirror = "MIRROR=<folder> " if arguments.mirror else ""
    return f'make bench-features {mirror}ARGS="{values}"'


def _markdown(report: dict) -> str:
    about = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    load = " to ".join(f"{report[f'load_average_at_{when}'][0]:.1f}" for when in ("start", "end"))
    lines = ["# Features", "", f"`{report['command']}`", "", about + f"; load {load}.", ""]
    lines += ["| clips | step | who | clips/s | processor ms a clip |", "|---|---|---|---|---|"]
    steps = {"front_end": "resampling + log-mel, one thread", "extraction": "whole extraction"}
    for key, step in steps.items():
        for name, found in report[key].items():
            for who in ("ours", "decoding", "librosa"):
                if who in found:
                    rate, cpu = found[who]["clips_per_s"], found[who]["cpu_ms_per_clip"]
                    lines.append(f"| {name} | {step} | {who} | {rate:.0f} | {cpu:.2f} |")
    lines += ["", "| clips | ratio | wall | processor |", "|---|---|---|---|"]
    lines += [line for key, step in steps.items() for line in _ratio_lines(report[key], step)]
    lines += ["", f"| batches of {BATCH}, in random order | clips/s |", "|---|---|"]
    reading = dict(report["reading"])
    size = reading.pop("gb")
    lines += [f"| {name} | {_spread(values, 0)} |" for name, values in reading.items()]
    stored = report["storage"]
    lines += ["", f"The file that is read has {size:.2f} GB; a clip of 5 s takes "]
    lines[-1] += f"{stored['kib_per_5_s_clip']:.1f} KiB, all of AudioSet (10 s) "
    lines[-1] += f"{stored['audioset_gb']:.0f} GB. Median (least to most) over the rounds."
    return "\n".join(lines) + "\n"


def _ratio_lines(found: dict, step: str) -> Iterator[str]:
    for name, values in found.items():
        for ratio in (key for key in values if " / " in key):
            wall, cpu = (_spread(values[ratio][kind], 2) for kind in ("wall_s", "cpu_s"))
            yield f"| {name} | {step}: {ratio} | {wall} | {cpu} |"


def _spread(values: dict[str, float], digits: int) -> str:
    median, least, most = (f"{values[k]:.{digits}f}" for k in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mirror", type=Path, help="folder with real audio archives")
    parser.add_argument("--clips", type=int, default=200, help="clips of each set at most")
    parser.add_argument(
        "--read-clips", type=int, default=8000, help="rows of the file that is read"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="threads or processes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scratch", type=Path, help="folder for audio and features meanwhile")
    parser.add_argument("--out", type=Path, help="write <out>.json and <out>.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()

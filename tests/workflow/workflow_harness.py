"""Run the workflow in a folder of its own, as a user would from the repository root."""

import os
import subprocess
import sys
from pathlib import Path

from vipann.config import merge, read_layer

ROOT = Path(__file__).parents[2]

MICRO = {
    "run": "micro",
    "accelerator": "cpu",
    "data": {"dir": "results/micro/data"},
    "features": {"logmel": {"hop_length": 3200}},
    "model": {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}},
    "pretrain": {"batch_size": 8, "steps": {"det": 4, "drop": 4, "flip": 3}},
    "transfer": {"fixed": {"epochs": 1}, "finetuned": {"epochs": 1}},
    "scratch": {"epochs": 1},
    "evaluation": {"mc_samples": 2, "replications": 3, "retained_fractions": 5},
}

# The micro run on synthetic sounds.
SYNTHETIC = merge(
    {key: read_layer(ROOT / "config/demo.yaml")[key] for key in ("datasets",)},
    MICRO,
    {
        "upstream": "synthetic_events",
        "transfer_datasets": ["synthetic_scenes"],
        "ood": "synthetic_ships",
        "datasets": {
            "synthetic_events": {"options": {"train_clips": 24, "eval_clips": 24}},
            "synthetic_scenes": {
                "folds": 2,
                "options": {
                    "clips_per_class_and_fold": 2,
                    "classes": ["engine", "siren", "rain", "bell"],
                },
            },
            "synthetic_ships": {"options": {"recordings": 2, "seconds": [5, 11]}},
        },
    },
)


class Workflow:
    """Snakemake on the repository's Snakefile, in the folder `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def command(self, config: Path | None, *arguments: str) -> list[str]:
        """The command line of a run."""
        return [
            *(sys.executable, "-m", "snakemake"),
            *("--snakefile", str(ROOT / "workflow/Snakefile")),
            *("--directory", str(self.directory)),
            *("--workflow-profile", str(ROOT / "workflow/profiles/default")),
            *(("--configfile", str(config)) if config else ()),
            *arguments,
        ]

    def start(self, config: Path | None, *arguments: str) -> subprocess.Popen[str]:
        """Start a run without waiting for it."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command(config, *arguments), cwd=ROOT, **pipes)

    def __call__(
        self, config: Path | None, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = self.command(config, *arguments)
        found = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False
        )
        if check and found.returncode:
            logs = "\n".join(
                f"== {log}\n{log.read_text()[-2000:]}"
                for log in self.directory.glob("results/*/logs/**/*.log")
                if "error" in log.read_text()
            )
            raise AssertionError(f"{found.stdout}\n{found.stderr}\n{logs}")
        return found

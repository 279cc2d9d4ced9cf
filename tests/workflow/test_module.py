"""The workflow as a module of another one, as users of the workflow catalog have it."""

import os
import subprocess
import sys

import yaml
from workflow_harness import ROOT, SYNTHETIC

from vipann.config import merge, read_layer

SNAKEFILE = """
configfile: "config/config.yaml"


module vipann:
    snakefile: "{root}/workflow/Snakefile"
    config: config


use rule * from vipann as vipann_*
"""
MANIFEST = "results/micro/manifests/synthetic_scenes.parquet"


def test_it_makes_what_it_is_asked_for_in_the_folder_of_the_other(tmp_path):
    whole = merge(read_layer(ROOT / "config/config.yaml"), SYNTHETIC)
    for name, text in (
        ("config/config.yaml", yaml.safe_dump(whole)),
        ("workflow/Snakefile", SNAKEFILE.format(root=ROOT)),
    ):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", MANIFEST]
    run = subprocess.run(
        command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / MANIFEST).is_file()
    assert not (ROOT / MANIFEST).exists()

"""What chapter 3's configs ask for: their networks, how those are trained, and their tables."""

from pathlib import Path

import pytest

from vipann.config import check_config, merge, read_layer
from vipann.plan import fold_variants
from vipann.plan.claims import claims_settings
from vipann.plan.products import products

ROOT = Path(__file__).parents[3]
TABLES = {f"event_detection_table3_{number}" for number in (2, 3, 4, 5, 6)}


@pytest.fixture(params=["raw_audio", "raw_audio_mini"])
def named(request, run_of):
    return request.param, run_of(**read_layer(ROOT / f"config/{request.param}.yaml"))


def test_it_is_valid(named):
    name, _ = named
    files = [ROOT / f"config/{one}.yaml" for one in ("config", name)]
    config = merge(*map(read_layer, files))
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml", files)


def test_every_network_is_trained_for_fold_10_as_the_thesis_says(named):
    name, run = named
    found = fold_variants.fold_networks(run, "urbansound8k")
    assert len(found) == {"raw_audio": 57, "raw_audio_mini": 15}[name]
    for one in found:
        assert (one.fold, one.strategy, one.phase) == (10, "det", "scratch")
        settings = one.training_settings
        assert settings["training"]["weight_decay"] == 1e-4
        assert settings["training"]["mixup_alpha"] == 0
        assert settings["training"]["spec_augment"]["mel_stripes"] == 0
        assert settings["bands"] == 0
        assert settings["model"]["encoder"] == "raw_cnn"


def test_its_tables_and_claims_are_made(named):
    name, run = named
    made = products(run, "table")
    wanted = TABLES if name == "raw_audio" else {"event_detection_table3_2"}
    assert {stem for stem in made if "table3" in stem} == wanted
    scores = f"results/{name}/metrics/urbansound8k.variants_on_folds.parquet"
    for stem in [*wanted, "event_detection_claims"]:
        assert made[stem].sources["scores"] == [scores]
    about = claims_settings(run, "event_detection", [])["datasets"]["urbansound8k"]
    assert about["paper_name"] == ("UrbanSound8K" if name == "raw_audio" else None)

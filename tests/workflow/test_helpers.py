"""What the helpers of the rule files make of a config, without Snakemake."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from workflow_harness import ROOT

from vipann.claims.counting import orders_needed
from vipann.config import folds_of, in_order, merge, read_layer, trained_upstream
from vipann.datasets.shipsear import BY_HAND
from vipann.datasets.windows import dataset_blocks, windows_of
from vipann.evaluation.interval import interval_words
from vipann.folds import fold_numbers, share_out
from vipann.paper.figures import figure_name
from vipann.provenance.folder import file_stamp, folder_stamp

PAPER = read_layer(ROOT / "config/config.yaml")


@pytest.fixture
def helpers():
    """Load the helpers with a config; they hold no rules, so Python reads them."""

    def load(changes: dict, **others: object) -> SimpleNamespace:
        config = merge(PAPER, changes)
        names = {
            "Path": Path,
            "config": config,
            "BLOCKS": dataset_blocks(config),
            "OOD": config["ood"],
            "OOD_WINDOWS": windows_of(config),
            "PAPER": PAPER,
            "DATA": "data",
            "RESULTS": "results/paper",
            "UPSTREAM": PAPER["upstream"],
            "TRANSFER_DATASETS": PAPER["transfer_datasets"],
            "TESTED": [PAPER["upstream"], *PAPER["transfer_datasets"]],
            "settings": lambda script, *words, **values: values,
            "fold_numbers": fold_numbers,
            "share_out": share_out,
            "in_order": in_order,
            "folds_of": folds_of,
            "figure_name": figure_name,
            "interval_words": interval_words,
            "orders_needed": orders_needed,
            "trained_upstream": trained_upstream,
            "file_stamp": file_stamp,
            "folder_stamp": folder_stamp,
            "upstream_checkpoint_of": lambda strategy: f"upstream/{strategy}.safetensors",
            **others,
        }
        for file in sorted((ROOT / "workflow/rules/helpers").glob("*.smk")):
            exec(compile(file.read_text(), str(file), "exec"), names)
        return SimpleNamespace(**names)

    return load


ENTRY = {"file": "a.zip", "md5": ["0" * 32], "url": "https://one.org/a.zip"}


def test_another_place_of_an_archive_is_no_reason_to_fetch_it_again(helpers):
    settings = helpers({}).archive_settings
    moved = ENTRY | {"url": "https://other.org/a.zip", "mirror_path": "x", "how_to_get": "Ask."}
    assert repr(settings(moved)) == repr(settings(ENTRY))
    assert settings(ENTRY | {"md5": ["1" * 32]}) != settings(ENTRY)
    assert settings(ENTRY | {"stand_ins": [{"file": "b.zip"}]}) != settings(ENTRY)


def test_how_clips_are_fetched_is_no_setting_of_a_job(helpers):
    def taken(**options):
        made = helpers({"datasets": {"audioset": {"options": options}}})
        return made.fetch_settings("audioset"), made.clip_settings("audioset")

    assert taken(yt_dlp_args=["--limit-rate", "1M"]) == taken()
    assert taken(audio_dir="elsewhere") != taken()


def test_a_phase_sees_its_own_settings_alone(helpers):
    before = helpers({})
    after = helpers({"transfer": {"fixed": {"learning_rate": 0.5}}})
    assert after.transfer_settings("fixed") != before.transfer_settings("fixed")
    assert after.transfer_settings("finetuned") == before.transfer_settings("finetuned")


def test_claims_know_how_many_folds_train_whatever_is_tested(helpers):
    def known(**changes):
        found = helpers({"notes": [], **changes}).claims_settings()["datasets"]
        return [found[name]["training_folds"] for name in ("audioset", "esc50", "urbansound8k")]

    assert known() == [0, 4, 9]
    assert known(transfer={"folds": [1, 2]}) == [0, 4, 9]
    assert known(validation={"split": "next_fold"}) == [0, 3, 8]
    assert known(datasets={"esc50": {"folds": [3, 5, 6]}}) == [0, 2, 9]


def test_what_is_drawn_of_replications_reaches_what_draws_or_tells_it(helpers):
    """And no box plot, which has no such interval."""
    before, after = (
        helpers({"notes": [], "evaluation": {"interval": kind}}) for kind in ("percentile", "t")
    )

    def figure(made, kind):
        return made.figure_settings(SimpleNamespace(dataset="audioset", figure=kind))

    assert figure(before, "boxplot") == figure(after, "boxplot")
    assert figure(before, "retention")["caption"]["band"].endswith("of the 20 replications")
    assert "mean over the 20 replications" in figure(after, "retention")["caption"]["band"]
    for made, kind in ((before, "percentile"), (after, "t")):
        assert figure(made, "retention")["interval"] == kind
        assert made.claims_settings()["interval"] == kind


def test_a_strategy_sees_its_own_pretraining_steps_alone(helpers):
    before, after = helpers({}), helpers({"pretrain": {"steps": {"drop": 7}}})
    assert after.pretraining_settings("drop")["steps"] == 7
    assert after.pretraining_settings("det") == before.pretraining_settings("det")


def test_audio_in_the_users_own_folder_counts_and_other_audio_does_not(helpers, tmp_path):
    assert helpers({}).own_audio_settings("esc50") == {}
    made = helpers({"datasets": {"shipsear": {"options": {"path": str(tmp_path)}}}})
    assert made.audio_of("shipsear") == str(tmp_path)
    before = made.own_audio_settings("shipsear")
    (tmp_path / "new.wav").write_bytes(b"0")
    folder_stamp.cache_clear()
    assert made.own_audio_settings("shipsear") != before


@pytest.mark.parametrize("place", ["audio/labels.csv", "labels.csv", "absolute"])
def test_an_edited_table_of_the_users_own_counts_wherever_it_lies(helpers, tmp_path, place):
    (tmp_path / "audio").mkdir()
    table = tmp_path / ("labels.csv" if place == "absolute" else place)
    relative = os.path.relpath(table, tmp_path / "audio")
    options = {
        "path": str(tmp_path / "audio"),
        "csv": str(table) if place == "absolute" else relative,
    }

    def taken():
        folder_stamp.cache_clear()
        file_stamp.cache_clear()
        made = helpers({"datasets": {"birds": {"adapter": "folder", "options": options}}})
        assert made.walked_folder("birds") is None
        return made.own_audio_settings("birds")

    table.write_text("path,label\na.wav,wren\n")
    before = taken()
    (table.parent / "notes.csv").write_text("x")
    assert taken() == before
    table.write_text("path,label\na.wav,robin\n")
    assert taken() != before


@pytest.mark.parametrize(("csv", "place"), [("recordings/t.csv", BY_HAND), ("../t.csv", ".")])
def test_shipsear_put_at_its_default_place_counts_with_its_table(helpers, tmp_path, csv, place):
    def taken(**changes):
        folder_stamp.cache_clear()
        file_stamp.cache_clear()
        block = {"options": {"csv": csv}, **changes}
        made = helpers({"datasets": {"shipsear": block}}, DATA=str(tmp_path))
        return [made.own_audio_settings(name) for name in ("shipsear", "shipsear_5s")]

    ships = tmp_path / "shipsear" / BY_HAND
    ships.mkdir(parents=True)
    table = tmp_path / "shipsear" / place / "t.csv"
    table.write_text("id,type\n1,tug\n")
    before = taken()
    assert before[0] == before[1]
    # What `audio` puts beside is no change.
    (tmp_path / "shipsear/audio").mkdir()
    (tmp_path / "shipsear/audio" / BY_HAND).symlink_to(ships, target_is_directory=True)
    assert taken() == before
    table.write_text("id,type\n1,ferry\n")
    edited = taken()
    assert all(new != old for new, old in zip(edited, before, strict=True))
    (ships / "2 x.wav").write_bytes(b"0")
    assert all(new != old for new, old in zip(taken(), edited, strict=True))
    assert taken(archives=[ENTRY]) == [{}, {}]


def test_the_folder_that_is_walked_is_known(helpers):
    made = helpers(
        {"datasets": {"birds": {"adapter": "folder", "options": {"path": "/data/birds"}}}}
    )
    assert made.walked_folder("birds") == "/data/birds"
    assert made.walked_folder("shipsear") == "data/shipsear/audio"
    assert made.walked_folder("esc50") is None


def test_only_what_is_cross_validated_depends_on_the_validation_fold(helpers):
    made = helpers({"validation": {"split": "next_fold"}})
    assert made.judging_settings("esc50") == {"validation": "next_fold"}
    assert made.judging_settings("audioset") == {"validation": None}


def test_weights_come_from_the_file_that_is_named_or_from_moped(helpers):
    block = {"file": "det.pth", "md5": ["0" * 32]}
    made = helpers(
        {"pretrain": {"source": "checkpoint", "checkpoints": {"det": block}, "steps": {"flip": 0}}}
    )
    assert made.weights_of("det") == "data/weights/det/det.pth"
    assert made.weights_of("drop") == "upstream/det.safetensors"
    assert made.weights_inputs("flip") == ["upstream/moped.safetensors", "upstream/moped.json"]
    assert helpers({}).weights_of("det") is None


# What scripts may take from the config past their rule's params: it changes no result. Anything
# else has to go through the params, or its change reruns nothing.
PAST_PARAMS = {
    "accelerator",
    "loader_workers",
    "evaluation.batch_size",
    "data.max_rejected",
    "transfer.folds",  # for which folds the manifest is refused
    "pretrain.checkpoints",  # how to get a file
    "datasets.*.archives",  # where to get a file
    "datasets.*.options",  # how to fetch clips
    "training.checkpoint_every",
    "training.tensorboard",
    "pretrain.validate_every",
}
# For the mirror; for how a training runs, of which `runtime_of` takes some keys.
WHOLE_CONFIG = {"download.py", "pretrain.py", "transfer.py", "scratch.py"}


def config_keys(script: ast.AST, name: str = "snakemake.config") -> Iterator[str]:
    """Dotted keys that a script looks up in the config; "" where it takes all of it."""
    parents = {child: node for node in ast.walk(script) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(script):
        if not (isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) == name):
            continue
        keys: list[str] = []
        while isinstance(above := parents[node], ast.Subscript) and above.value is node:
            constant = isinstance(above.slice, ast.Constant)
            keys.append(str(above.slice.value) if constant else "*")
            node = above
        yield ".".join(keys)


@pytest.mark.parametrize(
    "script", sorted((ROOT / "workflow/scripts").glob("*.py")), ids=lambda path: path.stem
)
def test_what_a_script_takes_past_its_params_changes_no_result(script):
    found = set(config_keys(ast.parse(script.read_text())))
    assert not surplus(found - ({""} if script.name in WHOLE_CONFIG else set()))


def test_how_a_training_runs_changes_no_result():
    tree = ast.parse((ROOT / "src/vipann/training/launch.py").read_text())
    runtime_of = next(n for n in tree.body if getattr(n, "name", "") == "runtime_of")
    found = set(config_keys(runtime_of, "config"))
    assert "training.checkpoint_every" in found
    assert not surplus(found)


def surplus(keys: set[str]) -> set[str]:
    return {key for key in keys if not any(key.startswith(allowed) for allowed in PAST_PARAMS)}


def test_config_keys_are_found_in_every_form():
    code = "f(snakemake.config['a']['b'])\ng(snakemake.config['c'][w]['d'])\nx = snakemake.config"
    assert sorted(config_keys(ast.parse(code))) == ["", "a.b", "c.*.d"]

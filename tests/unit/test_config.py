"""Bad configs stop with a message that names file, key, value and what is allowed."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vipann.config import (
    check_config,
    folds_of,
    full_schema,
    in_order,
    merge,
    mirror_of,
    read_layer,
    trained_upstream,
)
from vipann.errors import UserError
from vipann.figures import style
from vipann.parts import ROLES, bands_of, feature_settings, model_settings
from vipann.recipes import annotated_keys
from vipann.registry import choices, load, module_of, settings_fields

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
BASE = ROOT / "config/config.yaml"
README = ROOT / "config/README.md"


@pytest.fixture
def overridden(tmp_path):
    """Check the paper's config under an override file with the given content."""

    def check(override):
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump(override))
        config = merge(read_layer(BASE), override)
        check_config(config, SCHEMA, [BASE, file])
        return config

    return check


@pytest.mark.parametrize(
    "names",
    [
        "demo",
        "esc10",
        "published",
        "esc10 flipout_study",
        "laptop",
        "audioset_vggish",
        "fsd50k",
        "laptop uncertainty",
    ],
)
def test_the_projects_own_configs_are_valid(names):
    files = [BASE, *(ROOT / f"config/{name}.yaml" for name in names.split())]
    check_config(merge(*map(read_layer, files)), SCHEMA, files)


@pytest.mark.parametrize(
    ("override", "key", "value", "allowed"),
    [
        ({"sed": 1}, "sed", "unknown key", "allowed here: accelerator"),
        (
            {"model": {"widht": 8}},  # codespell:ignore widht
            "model.widht",  # codespell:ignore widht
            "unknown key",
            "allowed here: ast, cnn_transformer, conformer, efficientnet",
        ),
        ({"model": {"resnet54": {"width": "x"}}}, "model.resnet54.width", "'x'", "type 'integer'"),
        (
            {"model": {"resnet54": {"dropout": 1.5}}},
            "model.resnet54.dropout",
            "1.5",
            "maximum of 1",
        ),
        ({"transfer": {"folds": [9]}}, "transfer.folds", "[9]", "esc50 has folds 1 to 5"),
        ({"transfer": {"folds": [0]}}, "transfer.folds.0", "0", "minimum of 1"),
        (
            {"transfer": {"folds": [4]}, "datasets": {"urbansound8k": {"folds": [1, 2, 3, 10]}}},
            "transfer.folds",
            "[4]",
            "urbansound8k has folds 1, 2, 3, 10",
        ),
        ({"datasets": {"esc50": {"folds": [2]}}}, "datasets.esc50.folds", "[2]", "at least 2"),
        ({"datasets": {"esc50": {"folds": "5"}}}, "datasets.esc50.folds", "'5'", "'array'"),
        ({"transfer": {"folds": "some"}}, "transfer.folds", "'all' was expected", "'array'"),
        ({"transfer": {"strategies": ["dett"]}}, "transfer.strategies.0", "'dett'", "det_flip"),
        ({"upstream": "esc50"}, "upstream", "multiclass", "must be 'multilabel'"),
        ({"ood": "nowhere"}, "ood", "'nowhere'", "known: audioset"),
        (
            {"evaluation": {"ood_phases": ["fixed"]}},
            "evaluation.ood_phases",
            "'fixed'",
            "'finetuned'",
        ),
        (
            {"survey": {"recordings": "a", "dataset": "b", "results": {"precision": 0.8}}},
            "survey.results.precision",
            "unknown key",
            "wished_precision",
        ),
        ({"kl": {"scale": "1/M"}}, "kl.scale", "'1/M'", "'1/N'"),
        ({"features": {"logmel": {"fmax": 20000.0}}}, "features.logmel.fmax", "20000", "16000"),
        (
            {"datasets": {"esc50": {"options": {"subset": "esc5"}}}},
            "datasets.esc50.options.subset",
            "'esc5'",
            "esc10",
        ),
        (
            {"datasets": {"esc50": {"options": {"sub": 1}}}},
            "datasets.esc50.options.sub",
            "unknown key",
            "subset",
        ),
        (
            {"datasets": {"esc50": {"adapter": "esc"}}},
            "datasets.esc50.adapter",
            "'esc'",
            "urbansound8k",
        ),
        ({"evaluation": {"replications": 0}}, "evaluation.replications", "0", "minimum of 1"),
        ({"pretrain": {"source": "web"}}, "pretrain.source", "'web'", "checkpoint"),
        (
            {"pretrain": {"sampling": "even"}},
            "pretrain.sampling",
            "'even'",
            "['shuffled', 'balanced']",
        ),
        ({"scratch": {"mixup_rate": 1.5}}, "scratch.mixup_rate", "1.5", "maximum of 1"),
        ({"transfer": {"betas": [0.9]}}, "transfer.betas", "[0.9]", "too short"),
        (
            {"transfer": {"masking": {"frequency": 48}}},
            "transfer.masking",
            "'time'",
            "required property",
        ),
        (
            {"pretrain": {"masking": {"frequency": 48, "time": 192, "bands": 1}}},
            "pretrain.masking.bands",
            "unknown key",
            "frequency, time, value",
        ),
        ({"transfer": {"warmup_steps": 5}}, "transfer.warmup_steps", "unknown key", "weight_decay"),
        (
            {"transfer": {"fixed": {"learning_rate_schedule": "halving"}}},
            "transfer.fixed.learning_rate_schedule",
            "'halving'",
            "needs learning_rate_halving",
        ),
        ({"pretrain": {"label_set": "new"}}, "pretrain.label_set", "'new'", "known: none"),
        (
            {"pretrain": {"epochs": 5, "keep_epochs": 6}},
            "pretrain.keep_epochs",
            "6",
            "pretrain.epochs (5)",
        ),
        (
            {"pretrain": {"source": "checkpoint"}},
            "pretrain.source",
            "'checkpoint'",
            "needs pretrain.checkpoints.det",
        ),
        (
            {"pretrain": {"checkpoints": {"det": {"file": "a.pth"}}}},
            "pretrain.checkpoints.det",
            "`file`",
            "`md5` or `sha256`",
        ),
        (
            {"pretrain": {"checkpoints": {"drop": {"file": "a.pth", "path": "b.pth"}}}},
            "pretrain.checkpoints.drop",
            "either",
            "`file`",
        ),
        (
            {"pretrain": {"checkpoints": {"flip": {"pth": "a"}}}},
            "pretrain.checkpoints.flip.pth",
            "unknown key",
            "path",
        ),
        ({"pretrain": {"checkpoints": {"det": 3}}}, "pretrain.checkpoints.det", "3", "object"),
        (
            {"pretrain": {"checkpoints": {"det": {"file": "a.safetensors", "md5": ["0"]}}}},
            "pretrain.checkpoints.det",
            "named by",
            "`path`",
        ),
        ({"pretrain": {"steps": {"flip": 0}}}, "pretrain.steps.flip", "0", "at least 1"),
        (
            {
                "transfer": {
                    "mixup_alpha": 0.5,
                    "fixed": {"cache": "embeddings", "backbone_mode": "eval"},
                }
            },
            "transfer.fixed.cache",
            "mixup_alpha 0.5",
            "Set transfer.fixed.mixup_alpha: 0",
        ),
        (
            {"transfer": {"fixed": {"cache": "embeddings"}}},
            "transfer.fixed.cache",
            "backbone_mode 'train'",
            "backbone_mode: eval",
        ),
        (
            {"transfer": {"gpus": 2, "fixed": {"cache": "embeddings", "backbone_mode": "eval"}}},
            "transfer.fixed.cache",
            "transfer.gpus 2",
            "Set transfer.gpus: 1, or set transfer.fixed.cache: none",
        ),
        ({"validation": {"select": "best"}}, "validation.select", "'best'", "split: next_fold"),
        (
            {"validation": {"split": "next_fold"}, "datasets": {"esc50": {"folds": 2}}},
            "datasets.esc50.folds",
            "2",
            "at least 3 with validation.split",
        ),
        ({"upstream": None}, "upstream", "null is not allowed", "pretrain.source: checkpoint"),
        ({"model": {"encoder": "vgg"}}, "model.encoder", "'vgg'", "mn04"),
        ({"model": {"mn04": {}}}, "model.mn04", "encoder: resnet54", "remove it"),
        (
            {"model": {"encoder": "mn04", "resnet54": {"width": 8}}},
            "model.resnet54",
            "encoder: mn04",
            "remove it",
        ),
        (
            {"model": {"encoder": "mn04", "mn04": {"width": 8}}},
            "model.mn04.width",
            "unknown key",
            "dropout",
        ),
        (
            {"features": {"front_end": "released_embeddings", "logmel": {"fmin": 1}}},
            "features.logmel",
            "released_embeddings",
            "remove",
        ),
        (
            {"model": {"pooling": "multi_head_attention"}},
            "model.pooling",
            "'multi_head_attention'",
            "set model.pooled: scores",
        ),
        (
            {"pretrain": {"start": "imagenet"}},
            "pretrain.start",
            "model.encoder: resnet54",
            "of: ast, efficientnet, efficientnet_lite0, mobilenet_v2, resnet50",
        ),
        (
            {
                "model": {"encoder": "mobilenet_v2", "mobilenet_v2": {"width": 0.5}},
                "scratch": {"start": "imagenet"},
            },
            "scratch.start",
            "it is 0.5",
            "needs model.mobilenet_v2.width: 1",
        ),
        (
            {
                "model": {"encoder": "ast", "ast": {"layers": 6}},
                "pretrain": {"start": "imagenet"},
            },
            "pretrain.start",
            "it is 6",
            "needs model.ast.layers: 12",
        ),
        (
            {"model": {"encoder": "transformer", "transformer": {"heads": 7}}},
            "model.transformer.heads",
            "7 heads",
            "width (768)",
        ),
        (
            {"model": {"encoder": "ast", "ast": {"width": 100}}},
            "model.encoder",
            "model.ast.heads: 12",
            "width (100)",
        ),
        (
            {
                "model": {"encoder": "ast"},
                "features": {
                    "front_end": "released_embeddings",
                    "released_embeddings": {"components": 12},
                },
            },
            "model.encoder",
            "have 12",
            "16 bands high",
        ),
        (
            {"model": {"encoder": "conformer", "conformer": {"kernel": 8}}},
            "model.conformer.kernel",
            "8",
            "not odd",
        ),
        (
            {"model": {"encoder": "talnet"}, "features": {"logmel": {"mel_bands": 80}}},
            "model.encoder",
            "80 bands",
            "cannot be halved",
        ),
        (
            {"model": {"encoder": "talnet", "talnet": {"width": 100}}},
            "model.talnet.width",
            "100",
            "an even multiple of 32",
        ),
        (
            {"model": {"encoder": "cnn_transformer", "cnn_transformer": {"convolutions": 9}}},
            "model.cnn_transformer.convolutions",
            "9",
            "poolings (5)",
        ),
        (
            {"pretrain": {"start": "imagenet", "source": "checkpoint"}},
            "pretrain.start",
            "'imagenet'",
            "source: checkpoint",
        ),
        ({"pretrain": {"start": "web"}}, "pretrain.start", "'web'", "imagenet"),
        ({"figures": {"palette": {"flipp": "red"}}}, "figures.palette", "'flipp'", "det_flip"),
    ],
)
def test_faults_name_file_key_value_and_what_is_allowed(overridden, override, key, value, allowed):
    with pytest.raises(UserError) as caught:
        overridden(override)
    line = next(line for line in str(caught.value).splitlines() if f" {key}: " in line)
    assert "mine.yaml" in line
    assert value in line
    assert allowed in line


def test_a_missing_key_is_named(tmp_path):
    config = copy.deepcopy(read_layer(BASE))
    del config["pretrain"]["steps"]["flip"]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match=r"config\.yaml: pretrain\.steps: 'flip' is a required"):
        check_config(config, SCHEMA, [file])


def test_a_value_from_the_command_line_is_said_to_be():
    config = merge(read_layer(BASE), {"seed": "abc"})
    with pytest.raises(UserError, match="command line"):
        check_config(config, SCHEMA, [BASE])


def test_all_faults_are_listed_at_once(overridden):
    with pytest.raises(UserError) as caught:
        overridden({"seed": -1, "model": {"resnet54": {"width": 1}}})
    assert "seed" in str(caught.value)
    assert "model.resnet54.width" in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", ""])
def test_a_file_that_is_no_mapping_is_named(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(UserError, match=r"bad\.yaml"):
        read_layer(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("transfer:\n  folds: [1]\nseed: 2\ntransfer: {}\n", "1 and 4"),
        ("seed: 2\nvariants: {a: {transfer: {}, transfer: {epochs: 2}}}\n", "2 and 2"),
    ],
)
def test_a_key_twice_is_named_with_its_lines(tmp_path, text, lines):
    (tmp_path / "mine.yaml").write_text(text)
    twice = rf"mine\.yaml.*'transfer' stands twice, in lines {lines}"
    with pytest.raises(UserError, match=twice):
        read_layer(tmp_path / "mine.yaml")


def test_what_a_merge_brings_may_be_changed_and_used_twice(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\nd: {<<: *b}\n"
    (tmp_path / "mine.yaml").write_text(text)
    assert read_layer(tmp_path / "mine.yaml")["c"] == {"x": 3, "y": 4}


def test_folds_are_all_or_the_chosen_ones(overridden):
    assert folds_of(overridden({}), "urbansound8k") == list(range(1, 11))
    assert folds_of(overridden({"transfer": {"folds": [2, 5]}}), "esc50") == [2, 5]
    listed = overridden({"datasets": {"urbansound8k": {"folds": [10, 1, 3]}}})
    assert folds_of(listed, "urbansound8k") == [1, 3, 10]


def test_runs_may_lack_upstream_or_transfer_but_not_both(overridden):
    imported = {"checkpoints": {"det": {"path": "a.pth"}}, "steps": {"flip": 0}}
    without_upstream = {"upstream": None, "pretrain": {"source": "checkpoint"} | imported}
    overridden(without_upstream)
    overridden({"transfer_datasets": [], "ood": None})
    with pytest.raises(UserError, match="transfer_datasets: names none"):
        overridden(without_upstream | {"transfer_datasets": []})


def test_settings_are_those_of_the_chosen_parts_with_their_defaults(overridden):
    paper = overridden({})
    assert (
        feature_settings(paper["features"]) == {"front_end": "logmel"} | paper["features"]["logmel"]
    )
    assert model_settings(paper["model"]) == paper["model"]
    other = overridden(
        {
            "features": {"front_end": "released_embeddings"},
            "model": {"encoder": "frame_mlp", "frame_mlp": {"hidden": 8}, "pooling": "mean"},
        }
    )
    found = feature_settings(other["features"])
    assert found == {"front_end": "released_embeddings", "components": 128}
    assert bands_of(other["features"]) == 128
    found = model_settings(other["model"])
    assert found["frame_mlp"] == {"hidden": 8, "layers": None, "dropout": 0.5}
    assert "resnet54" not in found


def test_the_papers_settings_are_the_parts_defaults():
    config = read_layer(BASE)
    for block in ("features", "model"):
        choices = {key: value for key, value in config[block].items() if isinstance(value, str)}
        made = {"features": feature_settings, "model": model_settings}[block]
        assert made(choices) == made(config[block])


def test_a_file_may_keep_settings_of_a_part_that_another_file_changes(tmp_path):
    """A run's own file chooses a front end and sets it; one on top of it chooses another."""
    layers = [
        {"features": {"front_end": "kaldi_mel", "kaldi_mel": {"fmin": 10}}},
        {"features": {"front_end": "logmel"}},
    ]
    files = [BASE]
    for number, layer in enumerate(layers):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text(yaml.safe_dump(layer))
    check_config(merge(*map(read_layer, files)), SCHEMA, files)


@pytest.mark.parametrize(
    ("changes", "trained"),
    [
        ({}, ["det", "drop", "flip"]),
        ({"source": "checkpoint"}, ["flip"]),
        ({"source": "checkpoint", "checkpoints": {"flip": {"path": "f.pth"}}}, []),
        ({"source": "checkpoint", "steps": {"flip": 0}}, []),
    ],
)
def test_upstream_networks_are_trained_where_no_weights_are_there(changes, trained):
    assert trained_upstream(merge(read_layer(BASE)["pretrain"], changes)) == trained


def test_mirror_comes_from_the_config_then_from_the_environment(overridden, monkeypatch):
    monkeypatch.setenv("VIPANN_MIRROR", "/env")
    assert mirror_of(overridden({})) == "/env"
    assert mirror_of(overridden({"data": {"mirror": "/cfg"}})) == "/cfg"
    monkeypatch.delenv("VIPANN_MIRROR")
    assert mirror_of(overridden({})) is None


def test_figures_accept_the_entries_that_their_style_has():
    figures = yaml.safe_load(SCHEMA.read_text())["properties"]["figures"]["properties"]
    assert set(figures) == set(style.Style.__dataclass_fields__)
    for key, entries in (("palette", style.PALETTE), ("labels", style.LABELS)):
        assert set(figures[key]["propertyNames"]["enum"]) == set(entries)


def test_the_config_has_the_styles_own_defaults():
    assert style.style_from(read_layer(BASE)["figures"]) == style.Style()


def test_every_key_of_the_config_is_explained_in_its_readme():
    text = README.read_text()

    def keys(node, prefix=""):
        for name, child in node.get("properties", {}).items():
            yield f"{prefix}{name}"
            yield from keys(child, f"{prefix}{name}.")

    # What a phase of transfer has of the whole block's keys is explained there.
    shared = re.compile(r"^transfer\.(fixed|finetuned)\.")
    missing = [
        key
        for key in keys(full_schema(SCHEMA))
        if f"`{key}`" not in text and f"`{shared.sub('transfer.', key)}`" not in text
    ]
    assert not missing, missing


def rows_of_parts(block):
    """The lines of the table in which the README explains the settings of a block's parts."""
    for role in (role for role in ROLES if role.block == block):
        for name in choices(role.home):
            place = module_of(role.home, name, role.key)
            about = load(place).__doc__.split("\n\n")[0].replace("\n", " ").removesuffix(".")
            fields = settings_fields(place)
            own = f", with `{block}.{name}`" if fields else ""
            yield f"| `{role.key}: {name}`{own} | | {about} |"
            for key, field in fields.items():
                default = json.dumps(field.default)
                meaning = field.schema["description"].removesuffix(".")
                yield f"| `{block}.{name}.{key}` | {default} | {meaning} |"


@pytest.mark.parametrize("block", ["features", "model"])
def test_the_readme_has_the_settings_of_all_parts(block):
    """With VIPANN_UPDATE_DOCS=1 in the environment they are written instead."""
    assert_readme_has(f"parts of {block}", rows_of_parts(block))


def assert_readme_has(name, rows):
    start, end = (f"<!-- {name}: {word} -->\n" for word in ("start", "end"))
    before, rest = README.read_text().split(start)
    _, after = rest.split(end)
    table = ["| key | default | meaning |", "|---|---|---|", *rows]
    wanted = before + start + "".join(f"{line}\n" for line in table) + end + after
    if os.environ.get("VIPANN_UPDATE_DOCS"):
        README.write_text(wanted)
    assert README.read_text() == wanted


def rows_of_recipes():
    """The lines of the table of keys that a recipe may have, and the paper's has not."""
    blocks, found = {}, {}
    for block, name, field in annotated_keys():
        blocks.setdefault(name, []).append(block)
        found[name] = field
    for name, field in found.items():
        if field.is_required:
            continue
        own = {name: json.dumps(field.default)}
        inner = field.schema.get("properties", {})
        for key, default in (own | {f"{name}.{key}": "" for key in inner}).items():
            places = ", ".join(f"`{block}.{key}`" for block in blocks[name])
            schema = field.schema if key == name else inner[key.removeprefix(f"{name}.")]
            yield f"| {places} | {default} | {schema['description'].removesuffix('.')} |"


def test_the_readme_has_the_keys_of_all_recipes():
    """With VIPANN_UPDATE_DOCS=1 in the environment they are written instead."""
    assert_readme_has("recipes", rows_of_recipes())


def test_the_order_of_keys_is_taken_out_at_any_depth_and_that_of_lists_is_kept():
    one = {"b": [{"d": 1, "c": 2}, 3], "a": {"f": None, "e": (2, 1)}}
    other = {"a": {"e": (2, 1), "f": None}, "b": [{"c": 2, "d": 1}, 3]}
    assert repr(one) != repr(other)
    assert repr(in_order(one)) == repr(in_order(other))
    assert in_order(one) == one


def test_formats_stay_available_to_others():
    """What the import of this module keeps jsonschema from loading is there for everybody else."""
    code = "import sys, vipann.config as c; c._jsonschema(); print('rfc3987_syntax' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


MIXED = {"train_folds": [1], "eval_folds": [2], "train_clips": 1, "eval_clips": 1, "max_events": 1}
MIXED |= {"imbalance": 0, "gain_db": [-1, 0], "clips_per_class": None, "sample_rate": 8000}
EVENTS = {"set": "events", "sample_rate": 8000, "train_clips": 1, "eval_clips": 1}
EVENTS |= {"max_events": 1, "imbalance": 0, "snr_db": [0, 1]}
SHIPS = {"set": "ships", "sample_rate": 8000, "recordings": 1, "seconds": [10, 20]}


@pytest.mark.parametrize(
    ("adapter", "task", "options", "needed"),
    [
        ("mixtures", "multilabel", MIXED, True),
        ("synthetic", "multilabel", EVENTS, True),
        ("synthetic", "unlabelled", SHIPS, False),
    ],
)
def test_audio_that_is_drawn_clip_by_clip_needs_a_length_also_out_of_distribution(
    overridden, adapter, task, options, needed
):
    block = {"adapter": adapter, "task": task, "folds": 0, "padding": "zero", "archives": []}
    block |= {"options": options}
    overridden({"ood": "drawn", "datasets": {"drawn": block | {"clip_seconds": 5}}})
    if not needed:
        overridden({"ood": "drawn", "datasets": {"drawn": block}})
        return
    with pytest.raises(UserError, match=rf"datasets\.drawn: .*clip_seconds.*{adapter}"):
        overridden({"ood": "drawn", "datasets": {"drawn": block}})

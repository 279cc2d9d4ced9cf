"""What an index opens with, and what datasets are called."""

import pytest

from vipann.config import merge, read_layer
from vipann.plan import datasets, networks
from vipann.plan.claims import claims_settings
from vipann.plan.front import front
from vipann.plan.names import in_words, shown_names
from vipann.plan.products import products
from vipann.plan.report import index_settings, sections
from vipann.plan.run import Run


@pytest.fixture
def run_of_configs(run_of):
    """A run of config files on top of the paper's, and of changes."""
    paper = run_of().paper_config

    def made(*names, **changes):
        config = paper
        for name in names:
            config = merge(config, read_layer(run_of().root / f"config/{name}.yaml"))
        return Run(run_of().root, merge(config, changes), paper)

    return made


def test_a_dataset_is_called_by_its_display_name_else_the_papers_else_its_key(run_of):
    blocks = {
        "esc50": {"display_name": "Sounds"},
        "urbansound8k": {"display_name": None},
        "dcase2013": {"display_name": None, "paper_name": None},
    }
    names = shown_names(run_of(datasets=blocks))
    assert [names[name] for name in blocks] == ["Sounds", "UrbanSound8K", "dcase2013"]
    assert shown_names(run_of(), "shipsear_5s") == {"shipsear_5s": "ShipsEar, 5 s"}


def settings_of_jobs(run):
    """Of each job before tables and figures: (what, of what) -> its settings."""
    heard = [*run.tested, *run.ood_windows.values()]
    found = {
        (make.__name__, name): make(run, name)
        for name in heard
        for make in (
            datasets.audio_settings,
            datasets.manifest_settings,
            datasets.features_settings,
            datasets.shared_settings,
            datasets.summary_settings,
        )
    }
    for network in networks.trained_networks(run):
        found["training", network.stem] = network.training_settings
        found["predict", network.stem] = network.prediction_settings
        found["ood", network.stem] = network.ood_settings
    found["metrics", ""] = networks.metrics_settings(run, 0)
    return found


def test_another_display_name_makes_tables_figures_claims_and_index_anew_and_nothing_else(run_of):
    run = run_of()
    renamed = run_of(datasets={n: {"display_name": "X"} for n in ("audioset", "esc50", "shipsear")})
    assert settings_of_jobs(run) == settings_of_jobs(renamed)

    def changed(kind):
        before, after = products(run, kind), products(renamed, kind)
        jobs = [stem for stem, one in before.items() if one.made_by == kind]
        return {stem for stem in jobs if before[stem].settings != after[stem].settings}

    assert {"table2", "table4", "calibration"} <= changed("table")
    assert "table1" not in changed("table")
    assert {"retention_esc50", "boxplot_dcase2013"} <= changed("figure")
    assert claims_settings(run, "vi_pann", []) != claims_settings(renamed, "vi_pann", [])
    assert index_settings(run) != index_settings(renamed)


@pytest.mark.parametrize(
    ("configs", "table", "figures"),
    [
        ([], "table4", ["retention_esc50", "boxplot_esc50", "reliability_esc50"]),
        (["audioset_vggish"], "table3", ["retention_audioset_vggish"]),
        (["psla_embeddings"], "psla_table15", ["psla_figure7", "psla_uncertainty"]),
        (["pooling"], "event_detection_table4_3", ["event_detection_poolings"]),
        (["esc10", "networks"], "event_detection_networks", []),
        (["event_detection"], "event_detection_table6_2", ["event_detection_cost"]),
    ],
)
def test_the_front_has_the_headline_table_and_at_most_three_figures(
    run_of_configs, configs, table, figures
):
    run = run_of_configs(*configs)
    shown = front(run)
    assert shown["tables"][0][1][0] == f"tables/{table}.csv"
    made = [files[0].removeprefix("figures/") for _, files in shown["figures"]]
    assert made[: len(figures)] == [f"{name}.png" for name in figures]
    assert len(made) == len(set(made)) <= 3
    assert [files[0] for _, files in shown["claims"]] == [
        one.files[0].removeprefix(f"{run.results}/")
        for one in products(run, "table").values()
        if one.category.endswith("Claims")
    ]


def test_captions_call_datasets_by_their_names(run_of_configs):
    run = run_of_configs("demo")
    words = in_words(run, "synthetic_events")
    assert words["datasets"] == ["Synthetic scenes"]
    assert words["ood"] == "Synthetic ships"
    assert words["dataset"] == words["upstream"] == "Synthetic events"
    for kind in ("table", "figure"):
        for one in products(run, kind).values():
            text = one.caption()
            assert "synthetic_" not in text, one.stem
            assert "det_flip" not in text, one.stem


def test_a_figure_of_new_sounds_is_only_of_a_run_that_has_them(run_of):
    def boxes(run):
        return [stem for stem in products(run, "figure") if stem.startswith("boxplot")]

    assert len(boxes(run_of())) == 4
    assert boxes(run_of(ood=None)) == []
    assert "boxplot" not in str(index_settings(run_of(ood=None)))


def test_tables_of_the_papers_network_alone_come_last_where_another_is_trained(run_of_configs):
    def tables(*configs):
        (found,) = (
            items for title, items in sections(run_of_configs(*configs)) if title == "Tables"
        )
        return [files[0].removeprefix("tables/").removesuffix(".csv") for _, files in found]

    sizes = ["table1", "table1_parts", "table1_variants"]
    assert tables()[:3] == sizes
    assert tables("demo")[-3:] == sizes
    assert sorted(tables("demo")) == sorted(tables())


def said_of_claims(run):
    return claims_settings(run, "vi_pann", [])["notes"]


def test_the_index_knows_the_runs_words_its_classes_and_whether_it_is_synthetic(run_of_configs):
    facts = index_settings(run_of_configs("demo"))["facts"]
    assert facts["terms"] == sorted(
        ["det", "det_flip", "drop", "flip", "pretrained", "fixed", "finetuned", "scratch"]
    )
    assert facts["one_label"] == ["synthetic_scenes"]
    assert facts["synthetic"] is True
    assert said_of_claims(run_of_configs("demo"))[0].startswith("All sounds of this run are synth")
    run = run_of_configs(transfer={"strategies": ["det"]}, scratch={"strategies": []})
    facts = index_settings(run)["facts"]
    assert "scratch" not in facts["terms"]
    assert "synthetic" not in facts
    assert said_of_claims(run) == []
    assert facts["one_label"] == run.transfer_datasets
    shown = run_of_configs(transfer={"held_out_classes": {"esc50": ["dog"]}})
    assert "esc50" not in index_settings(shown)["facts"]["one_label"]

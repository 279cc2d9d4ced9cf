"""Runs that differ in their seed, side by side."""

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

import runs

from vipann.claims.judgement import UNJUDGED


def plant(folder: Path, accuracy: float, verdict: str) -> Path:
    (folder / "tables").mkdir(parents=True)
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "a.tsv").write_text("s\th:m:s\n1800.0\t0:30:00\n")
    cell = {"dataset": "esc10", "strategy": "flip", "phase": "finetuned"}
    score = cell | {"metric": "accuracy", "ours": accuracy, "standard_error": 0.01}
    pd.DataFrame([score]).to_csv(folder / "tables/table4.csv", index=False)
    beyond = [cell | {"metric": m, "value": v, "standard_error": None} for m, v in BEYOND.items()]
    pd.DataFrame(beyond[:2]).to_csv(folder / "tables/calibration.csv", index=False)
    pd.DataFrame(beyond[2:]).to_csv(folder / "tables/ood.csv", index=False)
    shortcut = {"dataset": "esc10", "score": "level_db", "separation": 0.875}
    shortcut |= {"uncertainties_above": 2, "uncertainties": 11}
    pd.DataFrame([shortcut]).to_csv(folder / "tables/shortcuts.csv", index=False)
    rows = [("a", "esc10", verdict), ("b", None, "holds"), ("c", None, UNJUDGED)]
    plant_claims(folder, rows)
    return list_tables(folder)


def list_tables(folder: Path) -> Path:
    """The run's index, which links its tables."""
    paths = sorted(path.relative_to(folder) for path in (folder / "tables").iterdir())
    (folder / "index.md").write_text("".join(f"[csv]({path})\n" for path in paths))
    return folder


def plant_claims(folder: Path, rows: list[tuple[str, str | None, str]]) -> None:
    ledger = pd.DataFrame(rows, columns=["claim", "dataset", "verdict"])
    sentences = ledger["claim"].str.upper() + " is so."
    ledger.assign(sentence=sentences).to_csv(folder / "tables/claims.csv", index=False)


def plant_upstream(folder: Path, values: str) -> Path:
    """Table 3, the calibration of its one network, and what Figure 1 shows."""
    cell = {"dataset": "mixtures", "strategy": "det", "phase": "pretrained"}
    score = cell | {"metric": "mAP", "ours": 0.5, "standard_error": None}
    pd.DataFrame([score]).to_csv(folder / "tables/table3.csv", index=False)
    both = [("ece", 0.0625), ("ece_pooled", 0.0625)]
    upstream = [cell | {"metric": m, "value": v, "standard_error": None} for m, v in both]
    calibration = folder / "tables/calibration.csv"
    whole = pd.concat([pd.DataFrame(upstream), pd.read_csv(calibration)])
    whole.to_csv(calibration, index=False)
    (folder / "figures").mkdir()
    for dataset in ("mixtures", "esc10"):
        (folder / f"figures/retention_{dataset}.csv").write_text(values)
    return list_tables(folder)


BEYOND = {"ece": 0.125, "ece_pooled": 0.25, "auroc_total": 0.75}


def test_scores_and_verdicts_of_two_seeds_stand_side_by_side(tmp_path):
    first = plant(tmp_path / "results/one", 0.9, "holds")
    second = plant(tmp_path / "results/two", 0.8, "does not hold")
    runs.main([str(first), str(second), "--out", str(tmp_path / "kept")])
    text = (tmp_path / "kept/README.md").read_text().splitlines()
    assert "| esc10 | flip | finetuned | accuracy | 0.900 ± 0.010 | 0.800 ± 0.010 |" in text
    assert "| esc10 | flip | finetuned | ece_pooled | 0.250 | 0.250 |" in text
    assert not any("| ece |" in line for line in text)
    assert runs.ECE_NOTE in text
    assert "| esc10 | flip | finetuned | auroc_total | 0.750 | 0.750 |" in text
    assert "| esc10 | level_db | 0.875 (2 of 11) | 0.875 (2 of 11) |" in text
    assert "1 of 2 verdicts that these runs can decide are the same in all runs." in text
    assert "| A is so. | esc10 | holds | does not hold |" in text
    assert not any(line.startswith("| C is so.") for line in text)
    assert "Not shown: 1, which cannot be judged here." in text
    assert any(line.startswith("| one |") and line.endswith("| 0.50 |") for line in text)
    kept = sorted(path.name for path in (tmp_path / "kept/two").iterdir())
    assert kept == ["calibration.csv", "claims.csv", "ood.csv", "shortcuts.csv", "table4.csv"]


def test_of_another_paper_all_tables_and_its_own_ledger_are_kept(tmp_path):
    run = tmp_path / "run"
    (run / "tables").mkdir(parents=True)
    (run / "tables/psla_table15.csv").write_text("model,mAP\nPSLA,0.3\n")
    ledger = "claim,dataset,verdict,sentence\na,events,holds,It is so.\n"
    (run / "tables/psla_claims.csv").write_text(ledger)
    list_tables(run)
    runs.main([str(run), "--out", str(tmp_path / "kept")])
    text = (tmp_path / "kept/README.md").read_text()
    assert "## PSLA's claims\n\n| Claim | Dataset | run |" in text
    assert "| It is so. | events | holds |" in text
    assert "## Scores" not in text
    kept = sorted(path.name for path in (tmp_path / "kept/run").iterdir())
    assert kept == ["psla_claims.csv", "psla_table15.csv"]


def test_runs_of_two_papers_each_have_their_own_ledger(tmp_path):
    first, second = plant(tmp_path / "first", 0.9, "holds"), tmp_path / "second"
    (second / "tables").mkdir(parents=True)
    ledger = "claim,dataset,verdict,sentence\na,events,holds,It is so.\n"
    (second / "tables/psla_claims.csv").write_text(ledger)
    text = runs.report([first, list_tables(second)], ["?", "?"])
    assert "| A is so. | esc10 | holds |  |" in text
    assert "| It is so. | events |  | holds |" in text


def test_an_older_ledger_may_lack_claims(tmp_path):
    older = plant(tmp_path / "older", 0.9, "holds")
    newer = plant(tmp_path / "newer", 0.8, "holds")
    plant_claims(older, [("a", "esc10", "holds"), ("b", None, UNJUDGED)])
    plant_claims(
        newer,
        [("a", "esc10", "holds"), ("b", None, "holds"), ("c", None, UNJUDGED), ("d", "x", "holds")],
    )
    text = runs.report([older, newer], ["?", "?"])
    # b and d are decided by one of the two, c by none.
    assert "1 of 3 verdicts that these runs can decide are the same in all runs." in text
    assert f"| B is so. |  | {UNJUDGED} | holds |" in text
    assert "| C is so." not in text
    assert "| D is so. | x |  | holds |" in text


def test_a_run_with_upstream_shows_its_ece_and_keeps_figure_1(tmp_path):
    run = plant_upstream(plant(tmp_path / "run", 0.9, "holds"), "retained_fraction,mean\n")
    runs.main([str(run), "--out", str(tmp_path / "kept")])
    text = (tmp_path / "kept/README.md").read_text().splitlines()
    assert "| mixtures | det | pretrained | ece_pooled | 0.062 |" in text
    assert [path.name for path in (tmp_path / "kept/run").glob("retention_*")] == [
        "retention_mixtures.csv"
    ]


def test_large_values_of_figure_1_are_not_kept(tmp_path):
    run = plant_upstream(plant(tmp_path / "run", 0.9, "holds"), "0" * runs.SMALL)
    runs.keep(run, tmp_path / "kept")
    assert not [*(tmp_path / "kept").glob("retention_*")]


def test_a_table_without_rows_is_not_kept_and_an_earlier_one_goes(tmp_path):
    run = plant(tmp_path / "run", 0.9, "holds")
    runs.keep(run, tmp_path / "kept")
    table = run / "tables/ood.csv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    runs.keep(run, tmp_path / "kept")
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["calibration.csv", "claims.csv", "shortcuts.csv", "table4.csv"]
    assert "## Out-of-distribution detection" not in runs.report([run], ["?"])


def test_a_table_that_an_earlier_config_left_is_no_score_of_the_run(tmp_path):
    run = plant(tmp_path / "run", 0.9, "holds")
    (run / "tables/table5.csv").write_bytes((run / "tables/table4.csv").read_bytes())
    (run / "tables/ood.csv").unlink()
    list_tables(run)
    text = (run / "index.md").read_text()
    (run / "index.md").write_text(text.replace("[csv](tables/table5.csv)\n", ""))
    lines = runs.report([run], ["?"])
    assert sum("| accuracy |" in line for line in lines) == 1
    runs.keep(run, tmp_path / "kept")
    assert not (tmp_path / "kept/table5.csv").exists()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("snakemake --cores 2", "VIPANN_MIRROR=<folder> snakemake --cores 2"),
        ("VIPANN_MIRROR=<folder> snakemake -n", "VIPANN_MIRROR=<folder> snakemake -n"),
        ("make esc10 MIRROR=<folder>", "make esc10 MIRROR=<folder>"),
        ("make demo", "make demo"),
    ],
)
def test_a_command_names_the_folder_with_the_archives(tmp_path, command, shown):
    run = plant(tmp_path / "run", 0.9, "holds")
    text = runs.report([run], [command])
    assert any(line.startswith(f"| run | `{shown}` |") for line in text)
    assert (runs.FOLDER_NOTE in text) == ("<folder>" in shown)


def test_the_verdict_that_counts_for_nothing_is_the_ledgers():
    assert runs.UNJUDGED == UNJUDGED


def test_an_unfinished_run_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        runs.main([str(tmp_path), "--out", str(tmp_path / "kept")])
    assert "has the run finished?" in capsys.readouterr().err

"""What is planned for label sets: a teacher's, an ensemble's of the evaluation list, imported."""

import pytest
from test_plans import jobs
from workflow_harness import ROOT, Workflow

from vipann.config import merge, read_layer

LABEL_SETS = {
    "enhanced": {"teacher": "plain/1"},
    "tested": {"teacher": "both", "split": "eval"},
    "relabelled": {
        "file": "list.json",
        "url": "https://example.org/list.json",
        "unverified": "a test",
        "split": "eval",
        "about": "a machine",
    },
}
CONFIG = merge(
    read_layer(ROOT / "config/audioset_vggish.yaml"),
    {
        "run": "labels",
        "variants": {"plain": {}, "learner": {"pretrain": {"label_set": "enhanced"}}},
        "seeds": [1],
        "ensembles": {"both": {"members": ["plain/1", "learner/1"]}},
        "label_sets": LABEL_SETS,
    },
)
SCORES = "results/labels/metrics/audioset_vggish.variants.parquet"


@pytest.fixture
def planned(tmp_path, write_config):
    def plan(config, **options):
        own = write_config("labels", config)
        return Workflow(tmp_path)(own, "-n", "--quiet", "rules", "--", SCORES, **options)

    return plan


def test_a_learner_waits_for_its_teacher_and_another_label_set_predicts_nothing_again(planned):
    counts = jobs(planned(CONFIG).stdout)
    # The archive, the list of classes and the ontology.
    assert counts["download"] == 3
    assert counts["download_label_set"] == counts["import_label_set"] == 1
    assert counts["enhance"] == counts["train_variant"] == 2
    # The evaluation list once by each network, the train list by the teacher.
    assert counts["predict_variant"] == 3
    without = {"relabelled": LABEL_SETS["relabelled"]}
    config = CONFIG | {"label_sets": without, "variants": {"plain": {}, "learner": {}}}
    assert jobs(planned(config).stdout)["predict_variant"] == 2


def test_a_teacher_that_is_not_there_stops_before_the_first_job(planned):
    config = merge(CONFIG, {"label_sets": {"enhanced": {"teacher": "plain/7"}}})
    found = planned(config, check=False)
    assert found.returncode
    said = found.stdout + found.stderr
    assert "label_sets.enhanced.teacher: 'plain/7' is no network" in said
    assert "known: learner/1, plain/1, both" in said

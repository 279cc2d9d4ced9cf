"""Table 4.2: tagging of the 17 classes of DCASE 2017's challenge."""

from vipann.papers import Names, Sources
from vipann.papers.event_detection.names import POOLINGS
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.subset import with_subset
from vipann.papers.event_detection.tables._beside import notes_on
from vipann.tables.layout import Table
from vipann.tables.variants import beside_print, cells_of, scored

TABLE = {
    "number": "4.2",
    "label": "tagging of the classes of DCASE 2017",
    "caption": """
Precision, recall and F1, over clips and classes together, of the 17 classes of DCASE 2017's
challenge (Table 4.1), on the clips of the evaluation list that have one of them. Each class has its
own threshold, of the highest F1 on such clips of the train list. The print is of the challenge's
own clips, and in its last five rows the F1 is not that of the precision and recall beside it; its
error rates are of localisation, for which these clips have no labels.""",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "predictions": "predictions/{varied_networks}.h5",
        "train_predictions": "predictions/{varied_train}.h5",
    },
    "networks_of": ["maximum", "mean", "linear_softmax", "exp_softmax", "softmax_attention"],
    "any_of": ["maximum", "linear_softmax", "exp_softmax", "softmax_attention"],
    "about": ["names", "upstream"],
}
EARLIER = (
    *("Baseline", "MIL-CNN", "MIL-RNN-Embed", "MIL-DNN-Embed", "Ensemble"),
    "MIL-DNN-AudioSet",
)
COLUMNS = {"precision": "Prec.", "recall": "Rec.", "F1": "F1"}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each of the print's; those of other systems have its numbers only."""
    rows: dict[str, str | tuple[str, ...]] = {**dict.fromkeys(EARLIER, ()), **POOLINGS}
    frame = scored("4.2", with_subset(sources), rows, list(COLUMNS))
    places = zip(frame["row"], frame["metric"], strict=True)
    paper = [paper_value("4.2", row, COLUMNS[metric]) for row, metric in places]
    frame = beside_print(frame, paper, is_comparable=False)
    title = "Table 4.2: tagging of the classes of DCASE 2017"
    return Table(title, frame, cells_of(frame), notes_on(names, upstream))

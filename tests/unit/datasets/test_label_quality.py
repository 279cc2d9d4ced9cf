"""AudioSet's estimate of label quality by class, from its official list's form."""

import pandas as pd
import pytest

from vipann.datasets.label_quality import write_label_quality
from vipann.errors import UserError

IDS = {"Speech": "/m/09x0r", "Rain": "/m/06mb1"}


def quality(tmp_path, text, classes=("Speech", "Rain", "Bell")):
    source, out = tmp_path / "qa_true_counts.csv", tmp_path / "out.csv"
    source.write_text("label_id,num_rated,num_true\n" + text)
    write_label_quality(source, classes, IDS, out)
    return pd.read_csv(out)


def test_the_share_of_true_labels_is_found_by_id_or_name_in_the_order_of_the_classes(
    tmp_path, capsys
):
    found = quality(tmp_path, "/m/06mb1,10,4\n/m/zzz,10,10\n/m/09x0r,8,8\n")
    assert found.to_numpy().tolist() == [["Speech", 8, 8, 1.0], ["Rain", 10, 4, 0.4]]
    assert "says nothing of 1 of 3 classes" in capsys.readouterr().out
    assert quality(tmp_path, "Bell,4,1\n")["quality"].tolist() == [0.25]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/m/09x0r,0,0\n", "line 2.*num_rated '0'"),
        ("/m/09x0r,3,4\n", "line 2.*num_true '4'"),
        ("/m/09x0r,3,x\n", "must be counts"),
        ("/m/09x0r,3,2\n/m/09x0r,3,2\n", "line 3.*second time"),
        ("/m/other,3,2\n", "none of the dataset's 3 classes.*'/m/09x0r'"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        quality(tmp_path, text)

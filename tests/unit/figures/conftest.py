"""What holds for every figure that a test draws."""

import matplotlib
import pytest

from vipann.figures import style as look


@pytest.fixture(autouse=True)
def titles_are_of_one_size(monkeypatch):
    save = look.save

    def checked(figure, *rest):
        titles = [text for text in figure.texts if text.get_text() == figure.get_suptitle()]
        for title in titles:
            assert title.get_fontsize() == matplotlib.rcParams["figure.titlesize"]
            assert title.get_weight() == matplotlib.rcParams["figure.titleweight"]
        save(figure, *rest)

    monkeypatch.setattr(look, "save", checked)

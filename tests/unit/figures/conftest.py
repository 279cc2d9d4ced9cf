"""What holds for every figure that a test draws."""

import matplotlib
import pytest

from vipann.figures import style as styles


@pytest.fixture(autouse=True)
def titles_are_of_one_size(monkeypatch):
    save = styles.save

    def checked(figure, *rest):
        titles = [text for text in figure.texts if text.get_text() == figure.get_suptitle()]
        for title in titles:
            assert title.get_fontsize() == matplotlib.rcParams["figure.titlesize"]
            assert title.get_weight() == matplotlib.rcParams["figure.titleweight"]
        save(figure, *rest)

    monkeypatch.setattr(styles, "save", checked)


@pytest.fixture(autouse=True)
def legends_are_on_the_page(monkeypatch):
    save = styles.save

    def checked(figure, *rest):
        save(figure, *rest)
        *_, figure.dpi = rest
        figure.draw_without_rendering()
        for legend in figure.legends:
            extent = legend.get_window_extent()
            assert figure.bbox.x0 < extent.x0 < extent.x1 < figure.bbox.x1

    monkeypatch.setattr(styles, "save", checked)


@pytest.fixture
def draw():
    """Draw a figure of a module from its one source, as its job does."""

    def draw(module, name, source, outputs, style=None, **about):
        sources = {name: source if isinstance(source, list) else [source]}
        chosen = styles.style_from(style)
        with chosen.applied():
            figure, drawn = module.figure(sources, chosen, **{"shown_names": {}} | about)
            styles.save(figure, drawn, outputs, chosen.dpi)
        return figure

    return draw

"""The review page in headless Chromium, as a reviewer uses it: from the disk, offline."""

import numpy as np
import pandas as pd
import pytest
from season_harness import ABOUT, CLASSES, Season

from vipann.survey.acquisition import Selection, Wanted
from vipann.survey.labelled import read_answers
from vipann.survey.review import write_review

pytestmark = pytest.mark.slow
CLIPS = 8


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    return Season(tmp_path_factory.mktemp("season"))


def reviewed(season, task):
    """A review's folder, and its windows in the order of the page."""
    selection = Selection(Wanted(clips=4, audit=4), CLASSES, np.array([0.5, 0.5]), 1)
    selection.add(season.windows)
    chosen, folder = selection.chosen(), season.out / task
    rates = dict.fromkeys(season.paths, 8000)
    write_review(chosen, ABOUT.classes, task, season.paths, rates, {}, folder)
    return folder, pd.read_parquet(folder / "windows.parquet")


@pytest.fixture
def page(browser):
    """An offline page; afterwards it must have had no error and asked nothing of the network."""
    complaints = []
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("file:", "data:", "blob:"))
            else complaints.append(asked.url)
        ),
    )
    yield page
    context.close()
    assert complaints == []


def saved(page, folder):
    """Press the key that saves; where the file then lies."""
    with page.expect_download() as download:
        page.keyboard.press("s")
    assert download.value.suggested_filename == "labels.csv"
    path = folder / "labels.csv"
    download.value.save_as(path)
    return path


def chosen_labels(page):
    """Of each clip, the labels that are shown as chosen."""
    return page.eval_on_selector_all(
        "article",
        """cards => cards.map(card => [...card.querySelectorAll('button.chosen')].map(
             button => button.lastChild.textContent))""",
    )


def test_clips_are_seen_heard_labelled_by_keys_saved_and_there_after_a_reload(page, season):
    folder, windows = reviewed(season, "multiclass")
    page.goto((folder / "review.html").as_uri())
    cards = page.locator("article")
    assert cards.count() == CLIPS
    widths = page.eval_on_selector_all("img", "all => all.map(image => image.naturalWidth)")
    assert min(widths) > 100
    page.keyboard.press("Space")
    audio = "document.querySelector('article audio')"
    page.wait_for_function(f"{audio}.currentTime > 0.05")
    assert page.evaluate(f"{audio}.duration") == pytest.approx(2.0, abs=0.01)
    # whale, seal, none of them, not sure, whale; each moves on to the next clip.
    for key in ("2", "1", "0", "u", "2"):
        page.keyboard.press(key)
    expected = [["whale"], ["seal"], ["other"], [], ["whale"], [], [], []]
    assert chosen_labels(page) == expected
    assert page.locator("#done").inner_text().startswith("4 of 8")
    page.reload()
    assert chosen_labels(page) == expected
    saved(page, folder)
    answers = read_answers(folder)
    assert answers["path"].tolist() == windows["path"].tolist()
    found = [one if one is None else list(one) for one in answers["answer"]]
    assert found == [one or None for one in expected]
    table = pd.read_csv(folder / "labels.csv")
    assert table["group"].tolist() == table["recording"].tolist()
    assert table["recording"].tolist() == windows["recording"].iloc[[0, 1, 2, 4]].tolist()
    assert table["order"].tolist() == windows["order"].iloc[[0, 1, 2, 4]].tolist()


def test_labels_are_clicked_changed_taken_back_and_added(page, season):
    folder, _ = reviewed(season, "multiclass")
    page.goto((folder / "review.html").as_uri())
    page.evaluate("localStorage.clear()")
    page.reload()
    card = page.locator("article").nth(2)
    card.get_by_role("button", name="seal").click()
    card.get_by_role("button", name="whale").click()
    assert chosen_labels(page)[2] == ["whale"]
    page.locator("#new").fill('boat, "small"')
    page.locator("#add").click()
    page.locator("article").nth(5).get_by_role("button", name="boat").click()
    # That went on to the seventh clip; back to the third.
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("u")
    assert [n for n, labels in enumerate(chosen_labels(page)) if labels] == [5]
    saved(page, folder)
    assert read_answers(folder)["answer"].tolist()[5] == ['boat, "small"']


def test_who_has_no_keys_says_not_sure_by_touch(browser, season):
    folder, _ = reviewed(season, "multiclass")
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, offline=True, has_touch=True
    )
    page = context.new_page()
    page.goto((folder / "review.html").as_uri())
    assert page.locator("#task").inner_text().startswith("Listen to each clip")
    first, second = (page.locator("article").nth(number) for number in range(2))
    first.get_by_role("button", name="seal").tap()
    assert chosen_labels(page)[0] == ["seal"]
    # It takes an answer back, is none itself, and goes on to the next clip.
    first.get_by_role("button", name="not sure").tap()
    assert chosen_labels(page)[0] == []
    assert page.locator("#done").inner_text().startswith("0 of 8")
    assert "current" in second.get_attribute("class")
    context.close()


def test_a_saved_table_is_opened_in_another_browser(page, season):
    folder, windows = reviewed(season, "multiclass")
    rows = windows.iloc[[1, 6]].assign(label=["whale", 'boat, "small"'])
    rows[["path", "label"]].to_csv(folder / "elsewhere.csv", index=False)
    page.goto((folder / "review.html").as_uri())
    page.locator("#open").set_input_files(folder / "elsewhere.csv")
    page.wait_for_function("document.querySelectorAll('button.chosen').length === 2")
    found = chosen_labels(page)
    assert (found[1], found[6]) == (["whale"], ['boat, "small"'])


def test_clips_of_several_labels(page, season):
    folder, _ = reviewed(season, "multilabel")
    page.goto((folder / "review.html").as_uri())
    for key in ("1", "2", "Enter", "0", "1", "1", "Enter", "2", "Enter"):
        page.keyboard.press(key)
    assert chosen_labels(page)[:4] == [["seal", "whale"], ["none"], ["none"], ["whale"]]
    saved(page, folder)
    found = [one if one is None else list(one) for one in read_answers(folder)["answer"]]
    assert found == [["seal", "whale"], [], [], ["whale"], None, None, None, None]

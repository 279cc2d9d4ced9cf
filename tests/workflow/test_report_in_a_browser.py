"""The finished run's report, index and notebooks in headless Chromium, as a reader clicks them."""

from io import BytesIO

import pytest
from PIL import Image
from workflow_harness import ROOT

from vipann.config import read_layer
from vipann.plan.products import products
from vipann.plan.run import Run
from vipann.report.pages import page as as_page


@pytest.fixture
def page(browser):
    """An offline page; afterwards it must have had no error and asked nothing of the network."""
    complaints = []
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "console",
        lambda said: complaints.append(f"console: {said.text}") if said.type == "error" else None,
    )
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("file:", "data:", "blob:"))
            else complaints.append(f"request: {asked.url[:200]}")
        ),
    )
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory):
    return tmp_path_factory.mktemp("screenshots")


class Report:
    """Snakemake's report, by what a reader sees of it: the menu at the left, one result shown."""

    PLACE = "['navbarMode', 'category', 'subcategory', 'resultPath'].map(key => app.state[key])"

    def __init__(self, page, path):
        self.page = page
        page.goto(path.as_uri())
        self.menu = page.locator("nav.h-screen")
        self.menu.get_by_text("Results", exact=True).first.wait_for()

    def click(self, target):
        """Click until the report goes elsewhere: on a busy machine Chromium loses one in many."""
        here = self.page.evaluate(self.PLACE)
        for _ in range(3):
            target.click()
            for _ in range(30):
                if self.page.evaluate(self.PLACE) != here:
                    return
                self.page.wait_for_timeout(100)
        raise AssertionError(f"three clicks on {target} lead nowhere from {here}")

    def home(self):
        if self.page.evaluate("app.state.navbarMode") != "menu":
            self.click(self.menu.locator("ol a").first)

    def entries(self):
        """The folders of the list now shown (categories or subcategories)."""
        items = self.menu.locator("ul li a span").all_inner_texts()
        return [name for name in items if name not in ("Workflow", "Statistics", "About")]

    def open(self, name):
        self.click(self.menu.locator("ul li a").get_by_text(name, exact=True))

    def rows(self):
        return self.menu.locator("tbody tr").all()

    def results(self):
        """Yield (category, subcategory, label, row) for each result, opened folder by folder."""
        self.home()
        for category in self.entries():
            self.home()
            self.open(category)
            subcategories = [] if self.rows() else self.entries()
            for subcategory in subcategories or [""]:
                if subcategory:
                    self.home()
                    self.open(category)
                    self.open(subcategory)
                for place in range(len(self.rows())):
                    row = self.rows()[place]
                    yield category, subcategory, row.locator("td").first.inner_text(), row

    def show(self, row):
        """Click the result's eye; returns the path of what is then shown."""
        self.click(row.locator("a").first)
        return self.page.evaluate("app.state.resultPath")


def is_drawn(png: bytes) -> bool:
    """Whether a screenshot holds more than one flat area."""
    with Image.open(BytesIO(png)) as image:
        return len(image.convert("RGB").getcolors(1 << 24)) > 20


def test_the_side_bar_is_readable_as_soon_as_it_is_there(finished, page):
    _, _, results = finished
    menu = Report(page, results / "report.html").menu
    assert menu.evaluate("bar => bar.getAnimations({subtree: true}).length") == 0
    assert menu.evaluate("bar => getComputedStyle(bar).color") == "rgb(255, 255, 255)"


def test_every_result_of_the_report_is_reached_by_clicking(finished, page, screenshots):
    _, _, results = finished
    report = Report(page, results / "report.html")
    seen = {}
    for category, _, label, row in report.results():
        path = report.show(row)
        assert path not in seen, f"{path} and {seen.get(path)} share a place in the report"
        seen[path] = category
        assert path.endswith((".png", ".html")), f"{path} is offered as a download only"
        picture = page.locator("#app > div > div:last-child img")
        if path.endswith(".png"):
            picture.wait_for()
            page.wait_for_function("document.querySelector('#app > div > div img').complete")
            width = picture.evaluate("image => image.naturalWidth")
            shown = picture.bounding_box()
            assert width > 600
            assert min(shown["width"], shown["height"]) > 200
            assert shown["y"] >= 0, "the top of a tall figure can't be scrolled to"
            assert shown["y"] + shown["height"] <= page.viewport_size["height"]
        else:
            frame = page.frame_locator("iframe").locator("body")
            frame.wait_for()
            frame.locator("table").first.wait_for()
            assert len(frame.inner_text()) > 100
        assert label, path
        image = page.screenshot(path=screenshots / f"{category}_{path.replace('/', '_')}.png")
        assert is_drawn(image), path
    in_run = {path.removeprefix("results/micro/"): category for path, category in seen.items()}
    tables = {f"pages/{path.stem}.html" for path in (results / "tables").glob("*.md")}
    assert tables <= in_run.keys()
    pictures = {f"figures/{path.name}" for path in (results / "figures").glob("*.png")}
    assert pictures <= in_run.keys()
    notebooks = {f"notebooks/{path.name}" for path in (results / "notebooks").glob("*.html")}
    assert {path for path, category in in_run.items() if category == "Notebooks"} == notebooks
    assert page.evaluate("Object.keys(results).length") == len(seen)


def test_every_result_has_a_caption_and_the_landing_page_describes_the_run(
    finished, page, screenshots
):
    _, _, results = finished
    report = Report(page, results / "report.html")
    assert "micro" in page.locator("#app .prose").first.inner_text()
    page.locator("canvas, svg.marks").first.wait_for()
    page.screenshot(path=screenshots / "landing.png")
    captions = page.evaluate("Object.entries(results).map(([path, one]) => [path, one.caption])")
    assert [path for path, caption in captions if len(caption) < 60] == []
    broken = ("{{", "{%", "system-message", "problematic")
    assert [path for path, caption in captions if any(word in caption for word in broken)] == []
    # As a reader opens it: the sign beside the eye.
    _, _, _, row = next(report.results())
    report.click(row.locator("a").nth(1))
    report.menu.get_by_text("Description").wait_for()
    page.screenshot(path=screenshots / "caption.png")


def test_the_reports_way_of_sorting_keeps_the_papers_order(page):
    config = read_layer(ROOT / "config/config.yaml")
    made = products(Run(ROOT, config, config), "figure").values()
    labels = [one.label for one in made if one.dataset == "dcase2013" and one.number]  # 9, 10, 11
    assert page.evaluate("all => all.sort((a, b) => a.localeCompare(b))", labels) == labels


def test_links_of_the_landing_page_open_their_category(finished, page):
    _, _, results = finished
    report = Report(page, results / "report.html")
    categories = page.evaluate("Object.keys(categories)")
    for category in categories:
        report.home()
        report.click(page.locator("#app .prose").get_by_role("link", name=category, exact=True))
        assert page.evaluate("app.state.category") == category


def test_the_index_shows_its_pictures_and_its_links_lead_to_files(finished, page, screenshots):
    _, _, results = finished
    page.goto((results / "index.html").as_uri())
    widths = page.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    in_front = page.locator(".gallery img").count()
    assert in_front == 3
    assert len(widths) == len(list((results / "figures").glob("*.png"))) + in_front
    assert all(width > 600 for width in widths)
    links = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) > 20
    places = page.locator("[id]").evaluate_all("all => all.map(one => '#' + one.id)")
    assert {link for link in links if link.startswith("#")} <= {*places}
    files = [link for link in links if not link.startswith("#")]
    assert [link for link in files if not (results / link).exists()] == []
    page.screenshot(path=screenshots / "index.png", full_page=True)


# Texts whose contrast with what is behind them is below WCAG 2's level AA.
PALE = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), pale = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || !element.checkVisibility() || element.closest("script")) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const pair = [light(numbers(style.color)), light(behind(element))].sort((a, b) => b - a);
    if ((pair[0] + 0.05) / (pair[1] + 0.05) < (isLarge ? 3 : 4.5)) pale.push(text);
  }
  return pale;
}"""


def test_the_index_is_legible_at_three_widths_by_day_and_by_night(finished, page, screenshots):
    _, _, results = finished
    page.goto((results / "index.html").as_uri())
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (400, 800, 1300):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width, (
                "a wide table scrolls by itself, not the page"
            )
            assert page.evaluate(PALE) == []
            page.screenshot(path=screenshots / f"index_{scheme}_{width}.png")
    page.evaluate("document.body.style.color = 'rgb(90, 90, 90)'")
    assert page.evaluate(PALE), "grey on black is found"


def test_tables_are_sorted_with_the_keyboard(finished, page):
    _, _, results = finished
    page.goto((results / "index.html").as_uri())
    table = page.locator("table.claims").first
    heading = table.locator("th").nth(3)

    def effects():
        """Of the rows in their order, None where a claim has none."""
        values = table.locator("tbody td:nth-child(4)").evaluate_all(
            "cells => cells.map(cell => cell.dataset.value)"
        )
        return [float(value) if value else None for value in values]

    unsorted = effects()
    known = [value for value in unsorted if value is not None]
    assert len(known) > 2
    heading.locator("button").focus()
    for direction, reverse in (("ascending", False), ("descending", True)):
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == direction
        nothing = [None] * (len(unsorted) - len(known))
        assert effects() == sorted(known, reverse=reverse) + nothing


def test_rows_that_belong_together_stay_together_when_sorted(page, tmp_path):
    rows = "\n".join(
        ["| b | ours | 2 |", "| | paper | 9 |", "| a | ours | 10 |", "| | paper | – |"]
    )
    text = f"| Model | | ESC |\n|:--|:--|--:|\n{rows}\n"
    (tmp_path / "table.html").write_text(as_page(text, "table"))
    page.goto((tmp_path / "table.html").as_uri())
    found = []
    for heading in ("Model", "ESC", "ESC"):
        page.get_by_role("button", name=heading).click()
        found.append(page.locator("tbody td:nth-child(3)").all_inner_texts())
    assert found == [["10", "–", "2", "9"], ["2", "9", "10", "–"], ["10", "–", "2", "9"]]


def test_the_landing_page_shows_the_stages_and_its_thumbnails_open_their_figures(
    finished, page, screenshots
):
    _, _, results = finished
    report = Report(page, results / "report.html")
    steps = page.locator(".prose .stages li").all_inner_texts()
    assert steps[-1] == f"{len(list((results / 'figures').glob('*.png')))} figures"
    graph = page.locator("#app #rulegraph")
    graph.locator("canvas, svg").first.wait_for()
    thumbnails = page.locator(".prose .gallery a")
    assert thumbnails.count() == 3
    above = page.locator(".prose .gallery").bounding_box()
    assert graph.bounding_box()["y"] > above["y"] + above["height"]
    page.set_viewport_size({"width": 400, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.screenshot(path=screenshots / "landing_400.png")
    page.set_viewport_size({"width": 1300, "height": 900})
    page.screenshot(path=screenshots / "landing_1300.png")
    report.click(thumbnails.nth(1))
    assert page.evaluate("app.state.resultPath").endswith(".png")
    page.locator("#app > div > div:last-child img").wait_for()
    report.menu.get_by_text("Description").wait_for()


def test_a_notebooks_page_folds_its_code_away(finished, page, screenshots):
    _, _, results = finished
    for path in sorted((results / "notebooks").glob("*.html")):
        page.goto(path.as_uri())
        code = page.locator(".jp-InputArea-editor").first
        assert not code.is_visible()
        page.locator("summary").first.click()
        assert code.is_visible()
        page.locator("summary").first.click()
        page.screenshot(path=screenshots / f"{path.stem}.png", full_page=True)

"""The finished run's report, index and notebooks in headless Chromium, as a reader clicks them."""

from io import BytesIO

import pytest
from PIL import Image
from workflow_harness import ROOT

from vipann.config import read_layer
from vipann.plan.products import products
from vipann.plan.run import Run


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
    assert len(widths) == len(list((results / "figures").glob("*.png")))
    assert all(width > 600 for width in widths)
    links = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) > 20
    assert [link for link in links if not (results / link).exists()] == []
    page.screenshot(path=screenshots / "index.png", full_page=True)


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

"""The site in a headless Chromium: sorting, filtering, comparing, the keyboard, both colour schemes, a small screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from made_results import HOSTILE, every_state, hostile

from srlbench.analysis.compare.tables import numbers
from srlbench.publish.site import build, pages
from srlbench.publish.site.contents import recipe_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `browser`)")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM = CHROMIUM or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine (CHROMIUM names one)")

BOARD = "tracks/embedded/leaderboard.html"

SITES = {"states": every_state, "spoiled": hostile}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sites")
    for name, made in SITES.items():
        results = made()
        build.write(root / name, pages.files([results], results.definitions))
    return {name: root / name for name in SITES}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # A container has no user namespaces for the sandbox; the pages are our own files.
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """One page open in a browser, and what it complained of."""

    def __init__(self, browser: Any, place: Path, query: str = "", **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(place.as_uri() + query)

    def column(self, number: int) -> list[str]:
        """What the visible rows of the main table say in a column."""
        rows = self.page.locator("#averages tbody tr:not([hidden])")
        return [text.strip() for text in rows.locator(f":nth-child({number})").all_inner_texts()]


@pytest.fixture
def visit(browser: Any, sites: dict[str, Path]) -> Iterator[Any]:
    seen: list[Visit] = []

    def go(path: str, site: str = "states", **options: Any) -> Visit:
        seen.append(Visit(browser, sites[site] / path, **options))
        return seen[-1]

    yield go
    for each in seen:
        each.context.close()
        assert each.complaints == []
        assert all(url.startswith(("file:", "data:")) for url in each.requests)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_quiet_and_never_scroll_sideways(visit: Any, sites: dict[str, Path], site: str, width: int) -> None:
    for path in sorted(sites[site].rglob("*.html")):
        seen = visit(str(path.relative_to(sites[site])), site, viewport={"width": width, "height": 800})
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert seen.page.locator("h1").is_visible()


def test_a_click_on_a_header_sorts_and_says_so(visit: Any) -> None:
    seen = visit(BOARD)
    header = seen.page.locator("#averages thead th").nth(3)
    assert header.get_attribute("aria-sort") == "none"
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    down = [text for text in seen.column(4) if "(" in text]
    assert down == sorted(down, reverse=True) and len(down) == 4
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert [text for text in seen.column(4) if "(" in text] == down[::-1]
    assert ["failed" in text or "not run" in text for text in seen.column(4)] == [False] * 4 + [True] * 2


def test_the_keyboard_sorts_too(visit: Any) -> None:
    seen = visit(BOARD)
    seen.page.locator("#averages thead button").nth(1).focus()
    seen.page.keyboard.press("Enter")
    assert seen.column(2) == sorted(seen.column(2))
    assert seen.page.evaluate("document.activeElement.textContent") == "recipe"


def test_filters_leave_the_rows_that_fit(visit: Any) -> None:
    seen = visit(BOARD)
    seen.page.get_by_label("Recipe").fill("FIRST")
    assert [name.split()[0] for name in seen.column(2)] == ["first", "first"]
    assert seen.page.locator("#filter output").inner_text() == "2 of 6 rows"
    assert seen.page.locator("#tasks-sts tbody tr:visible").count() == 2
    seen.page.get_by_label("Kind").select_option("unsupervised")
    assert seen.page.get_by_label("Backbone").count() == 0  # there is one
    assert len(seen.column(2)) == 2
    seen.page.get_by_label("Recipe").fill("nothing like it")
    assert seen.column(2) == []


def test_two_recipes_are_compared_as_the_command_line_does(visit: Any) -> None:
    seen = visit("compare.html")
    seen.page.get_by_label("Recipe").select_option(label="first@tiny")
    assert seen.page.get_by_label("against").locator("option").all_inner_texts() == ["second@tiny"]
    said = seen.page.locator("#verdict").inner_text()
    assert said.startswith("STS avg: first@tiny minus second@tiny is +10.00 (") and said.endswith(": better.")
    (each,) = every_state().pairs
    first = seen.page.locator("#difference tbody tr").first.inner_text().split("\t")
    assert first == ["STS avg", str(each.a), str(each.b), *(c.text for c in numbers(each)), "better"]
    seen.page.get_by_label("Recipe").select_option(label="second@tiny")
    assert seen.page.locator("#difference tbody tr").first.inner_text().split("\t")[3] == "-10.00"


def test_a_comparison_has_an_address(visit: Any) -> None:
    seen = visit("compare.html", query="?track=embedded&a=second%40tiny&b=first%40tiny")
    assert seen.page.locator("#verdict").inner_text().startswith("STS avg: second@tiny minus first@tiny is -10.00")
    seen.page.get_by_label("Recipe").select_option(label="first@tiny")
    assert "a=first%40tiny&b=second%40tiny" in seen.page.url
    seen.page.reload()
    assert seen.page.locator("#verdict").inner_text().startswith("STS avg: first@tiny minus second@tiny")
    odd = visit("compare.html", query="?track=nosuch&a=%3Cscript%3E&b=")
    assert odd.page.locator("#verdict").inner_text().startswith("STS avg: ")


def test_a_picture_and_its_numbers_are_files(visit: Any) -> None:
    seen = visit(BOARD, color_scheme="dark")
    figure = seen.page.locator("#picture-forest")
    with seen.page.expect_download() as drawn:
        figure.get_by_role("button", name="picture as SVG").click()
    text = Path(drawn.value.path()).read_text(encoding="utf-8")
    assert drawn.value.suggested_filename == "forest.svg"
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg" and "var(--" not in text
    assert "rgb(28, 30, 33)" in text  # ink of the light scheme
    with seen.page.expect_download() as counted:
        figure.get_by_role("link", name="numbers as CSV").click()
    assert counted.value.suggested_filename == "forest.csv"
    assert Path(counted.value.path()).read_text(encoding="utf-8").startswith("recipe,value,mean,low,high,seeds")


def test_methods_are_found_by_name_idea_and_author(visit: Any) -> None:
    seen = visit("methods.html")
    rows = seen.page.locator("table[id^=family] tbody tr:visible")
    whole = rows.count()
    seen.page.get_by_role("searchbox").fill("IT TRAINS")
    assert 0 < rows.count() <= whole
    seen.page.get_by_role("searchbox").fill("nothing like it")
    assert rows.count() == 0 and seen.page.locator("#filter output").inner_text() == f"0 of {whole} rows"


def test_the_colour_scheme_follows_the_system_and_what_was_chosen(visit: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (visit("index.html", color_scheme=scheme).page for scheme in ("light", "dark"))
    assert light.evaluate(ground) != dark.evaluate(ground)
    button = dark.get_by_role("button", name="Colours")
    button.click()
    assert button.inner_text() == "Colours: light" and dark.evaluate(ground) == light.evaluate(ground)
    dark.reload()
    assert dark.evaluate(ground) == light.evaluate(ground)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visit: Any, scheme: str) -> None:
    seen = visit(BOARD, color_scheme=scheme)
    ratios = seen.page.evaluate(CONTRAST)
    assert min(ratios.values()) >= 4.5, ratios


CONTRAST = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  const light = (name) => {
    probe.style.color = `var(--${name})`;
    const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const names = ["ink", "note", "link", "good", "bad", "series-0", "series-1", "series-2"];
  const against = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return Object.fromEntries(["ground", "raised"].flatMap((under) =>
    names.map((name) => [`${name} on ${under}`, against(light(name), light(under))])));
}"""


def test_a_link_skips_to_the_content(visit: Any) -> None:
    seen = visit(BOARD)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    assert seen.page.locator(".skip").bounding_box()["x"] >= 0
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "content"


def test_without_javascript_the_tables_are_whole(visit: Any) -> None:
    seen = visit(BOARD, java_script_enabled=False)
    assert seen.page.locator("#averages tbody tr").count() == 6
    assert not seen.page.locator("#filter").is_visible() and not seen.page.locator("#scheme").is_visible()
    other = visit("compare.html", java_script_enabled=False)
    assert other.page.get_by_role("link", name="second").is_visible()


def test_a_hostile_name_is_shown_and_does_nothing(visit: Any) -> None:
    seen = visit(recipe_page(HOSTILE[0]), "spoiled")
    assert seen.page.locator("h1").inner_text() == HOSTILE[0]
    seen = visit(BOARD, "spoiled")
    seen.page.get_by_label("Recipe").fill("<script>")
    assert seen.column(2) == [HOSTILE[0]]
    seen = visit("compare.html", "spoiled")
    seen.page.get_by_label("Recipe").select_option(label=f"{HOSTILE[0]}@tiny")
    assert HOSTILE[0] in seen.page.locator("#difference thead").inner_text()

"""The documentation as a site: every page is there, commands parse, snippets run, links and numbers hold, it builds."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Cli
from test_documents import blocks, parse

import srlbench
from srlbench import backbones, losses, registry, tracks
from srlbench.analysis.claims import claims
from srlbench.cli import app
from srlbench.publish.site.papers import citations
from srlbench.recipe.members import keywords
from srlbench.recipe.parts import KINDS
from srlbench.records import published_results
from srlbench.stats import summarise, with_averages

ROOT = Path(srlbench.__file__).parent.parent
DOCS = ROOT / "docs"
if not (ROOT / "mkdocs.yml").is_file():
    pytest.skip("not in a clone", allow_module_level=True)
sys.path.insert(0, str(DOCS))

import _pages  # noqa: E402
from _pages import face, measured, navigation, places  # noqa: E402

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
WRITTEN = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
MADE = _pages.pages()
NAV = [*navigation.paths(navigation.completed(CONFIG["nav"]))]
FRESH = ("index.md", "start.md", "faq.md", "cite.md", "claims.md", "diagnostics.md")


# --- every page is there --------------------------------------------------------------------------


def test_every_page_of_the_navigation_exists_and_every_page_is_in_it() -> None:
    there = [*WRITTEN, *MADE, *(path for path in places.carried() if path.endswith(".md"))]
    assert sorted(NAV) == sorted(there)
    assert len(NAV) == len(set(NAV))


def test_every_registered_thing_has_a_page() -> None:
    assert {f"recipes/{name}.md" for name in registry.recipes()} < MADE.keys()
    assert {f"losses/{name}.md" for name in losses.names()} < MADE.keys()
    assert {f"tracks/{name}.md" for name in tracks.names()} < MADE.keys()
    assert {f"protocols/{tracks.load(name).protocol.name}.md" for name in tracks.names()} < MADE.keys()
    verbs = {*(command.callback.__name__.rstrip("_") for command in app.registered_commands)}  # type: ignore[union-attr]
    assert {f"cli/{name}.md" for name in verbs | {group.name for group in app.registered_groups}} < MADE.keys()
    for kind in KINDS[1:]:
        assert all(f"## `{name}`" in MADE[f"parts/{kind.folder}.md"] for name in kind.names())
    assert face.names() == {*srlbench.__all__} - {"__version__"}


def written(loss: str) -> str:
    """The docstring of a loss, from its file: torch is not imported for it."""
    text = losses.path(loss).read_text(encoding="utf-8")
    (found,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == loss)
    return ast.get_docstring(found, clean=False) or ""


@pytest.mark.parametrize("name", losses.names())
def test_the_page_of_a_loss_has_its_whole_docstring(name: str) -> None:
    page, docstring = MADE[f"losses/{name}.md"], written(name)
    (formula,) = re.findall(r"\n\n(.*?)\n\n +Args:", docstring, re.DOTALL)
    assert all(line.strip() in page for line in formula.splitlines())
    for heading, section in (("Reference and departures", "Reference"), ("Relations", "Relations")):
        (shown,) = re.findall(rf"^## {heading}\n\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
        said = re.split(r"\n *(?:Args|Reference|Relations):", docstring.partition(f"{section}:")[2])[0]
        plain = re.sub(r"\]\([^)]*\)|[\W_]", "", re.sub(r"&\w+;", "", shown))
        assert plain.casefold() == re.sub(r"[\W_]", "", re.sub(r"[<>&]", "", said)).casefold()
    for parameter in keywords(losses.path(name).read_bytes(), name):
        assert re.search(rf"^\| `{parameter}` \| [^|]+ \| .*\|$", page, re.MULTILINE)


def test_the_page_of_a_recipe_has_its_settings_and_numbers() -> None:
    page = MADE["recipes/simcse-unsup.md"]
    assert "[`info_nce`](/losses/info_nce.md) with temperature = `0.05`" in page
    assert "| `batch_size` | 64 | 64 | 64 | 64 | 512 |" in page
    assert "| paper/google-bert/bert-base-uncased | 76.25 | 85.81 |" in page
    assert 'cite="gao2021simcse"' in page and "[BibTeX](/cite.md#gao2021simcse)" in page
    assert "--backbone gemma-3-270m" in MADE["recipes/prompteol.md"]


def test_the_measured_numbers_of_a_recipe_are_those_of_the_leaderboard() -> None:
    board = (published_results() / "small" / "v1" / "leaderboard.md").read_text(encoding="utf-8")
    for name in ("simcse-unsup", "whitening", "bag-random-weighted"):
        rows = re.findall(rf"^\| \d+ \| {name} \| ([^|]+) \| ([^|]+) \|$", board, re.MULTILINE)
        assert rows and all(f"| {sts} | {transfer} |" in MADE[f"recipes/{name}.md"] for sts, transfer in rows)


def test_the_lists_are_whole() -> None:
    listed, cited = _pages.lists()["claims"](), _pages.lists()["citations"]()
    assert len(re.findall(r"^\| \d+ \|", listed, re.MULTILINE)) == len(claims())
    assert re.findall(r"^@misc\{(\w+),", cited, re.MULTILINE) == re.findall(r"\{ #(\w+) \}", cited)
    assert {*re.findall(r"^@misc\{(\w+),", cited, re.MULTILINE)} == {*citations()}
    assert all(block.count("{") == block.count("}") for block in blocks(cited, "bibtex"))
    used = {name for text in WRITTEN.values() for name in re.findall(r"<!-- generated: (\w+) -->", text)}
    assert used == _pages.lists().keys()


# --- commands -------------------------------------------------------------------------------------


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Every command of a page, in a block or between backquotes; one between backquotes may be a verb alone."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"(?:\S*/)?(srlbench [a-z-].*)", line.strip())
            if found:
                yield found[1], True
    for line in re.findall(r"(?<!`)`(srlbench [^`\n]+)`", text):
        yield line, False


def wrong(text: str) -> list[str]:
    found = []
    for line, whole in commands(text):
        try:
            parse(shlex.join(shlex.split(line, comments=True)), whole)
        except Exception as error:
            found.append(f"{line}: {error!r}")
    return found


@pytest.mark.parametrize("name", [*WRITTEN])
def test_the_commands_of_a_written_page_parse(name: str) -> None:
    assert not wrong(WRITTEN[name])


def test_the_commands_of_the_made_pages_parse() -> None:
    assert sum(1 for text in MADE.values() for _ in commands(text)) > 250
    assert {name: found for name, text in MADE.items() if (found := wrong(text))} == {}


@pytest.mark.parametrize("line", ["srlbench runn x", "srlbench run x --seed 1", "srlbench compare --resultz x"])
def test_a_wrong_command_would_be_found(line: str) -> None:
    assert len(wrong(f"```bash\n{line}\n```")) == 1 and len(wrong(f"So `{line}` does.")) == 1


# --- snippets and numbers -------------------------------------------------------------------------


def test_the_recipe_of_the_first_page_is_one(cli: Cli, tmp_path: Path) -> None:
    (mine,) = (block for block in blocks(WRITTEN["start.md"], "python") if block.startswith("# mine.py"))
    assert len([line for line in mine.splitlines() if line.strip()]) <= 15
    (tmp_path / "mine.py").write_text(mine, encoding="utf-8")
    done = cli("run", "attraction", "--recipes", "mine.py", "--dry-run")
    assert done.returncode == 0 and "3 runs, 3 to make" in done.stdout, done.stderr


@pytest.mark.slow  # torch and mteb are loaded for them
def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the new pages; tests/test_python.py runs those of python.md."""
    (tmp_path / "my-encoder").symlink_to(backbones.SHIPPED / "static")
    monkeypatch.chdir(tmp_path)
    for name in FRESH:
        for block in blocks(WRITTEN[name], "python"):
            if not block.startswith("# mine.py"):
                exec(compile(block, name, "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert "GenSTSB" in said and re.search(r"^0\.\d+$", said, re.MULTILINE)


@cache
def records() -> Any:
    return srlbench.results(published_results())


def published(recipe: str, name: str) -> Any:
    """Three seeds of a published row."""
    runs = [run for run in records().records if (run.recipe, run.status) == (recipe, "ok") and run.seed < 3]
    runs = [run for run in runs if records().is_current(run)]
    assert len(runs) == 3
    return summarise([with_averages(run.scores, records().track.groups)[name] for run in runs])


def test_the_table_of_the_first_page_is_that_of_the_records() -> None:
    rows = re.findall(r"^ +\d  (\S+) +tiny +(.*?\(3\)) +(.*?\(3\))  bit-equal$", WRITTEN["start.md"], re.MULTILINE)
    assert len(rows) == 4
    for recipe, *shown in rows:
        for name, text in zip(("sts_avg", "transfer_avg"), shown, strict=True):
            summary = published(recipe, name)
            assert text.replace("†", " ± 0.00") == str(summary)
    better = published("simcse-sup", "sts_avg").mean - published("simcse-unsup", "sts_avg").mean
    assert f"{better:+.2f}" in WRITTEN["start.md"]


def test_quoted_numbers_are_those_of_the_tables() -> None:
    board = (published_results() / "small" / "v1" / "leaderboard.md").read_text(encoding="utf-8")
    (quoted,) = re.findall(r'"simcse-unsup, ([^,]+), srlbench small v1 on static"', WRITTEN["faq.md"])
    assert f"| simcse-unsup | {quoted} |" in board
    known = registry.recipes().values()
    unsupervised = [e for e in known if e.recipe.data != "triplets"]
    printed = [
        n.get("sts_avg", 0) for e in unsupervised for place, n in e.reported.items() if "bert-base-uncased" in place
    ]
    assert f"prints {max(printed) - 76.25:.2f} points more than SimCSE" in WRITTEN["faq.md"]
    assert f"version = {{{srlbench.__version__}}}" in WRITTEN["cite.md"]


# --- links ----------------------------------------------------------------------------------------


def test_a_link_to_a_file_leads_to_its_page() -> None:
    turned = places.relinked(
        "docs/x.md", "[a](../results/small/v1/claims.md#b) [c](../srlbench/losses/met.py) `[d](e.md)`"
    )
    assert turned == "[a](/results/small/v1/claims.md#b) [c](/losses/met.md) `[d](e.md)`"
    assert places.place("srlbench/recipes/simcse.py") == "recipes/index.md#simcse"
    assert places.place("srlbench/tracks/protocols/mteb.toml") == "protocols/mteb.md"
    assert places.place("examples/own_loss.py") == "examples.md#own-loss"
    assert places.relinked("README.md", "[a](https://x.org/y) [b](#c)") == "[a](https://x.org/y) [b](#c)"


def test_every_link_leads_to_a_page_of_the_site() -> None:
    pages = {*WRITTEN, *MADE, *places.carried()}
    texts = {f"docs/{name}": text for name, text in WRITTEN.items()}
    texts |= {
        path: (ROOT / path).read_text(encoding="utf-8") for path in places.carried().values() if path.endswith(".md")
    }
    lost = [
        (path, target) for path, text in texts.items() for target in places.links(places.relinked(path, text))
        if target.startswith("/") and target[1:].partition("#")[0] not in pages
    ]  # fmt: skip
    lost += [
        (path, target) for path, text in MADE.items() for target in places.links(text)
        if places.local(target) or (target.startswith("/") and target[1:].partition("#")[0] not in pages)
    ]  # fmt: skip
    assert not lost


def test_names_of_recipes_in_tables_are_links() -> None:
    assert measured.linked_cells("| 1 | mixcse | 3 |") == "| 1 | [mixcse](/recipes/mixcse.md) | 3 |"
    assert measured.linked_cells("| no-recipe | mixcse is |") == "| no-recipe | mixcse is |"


# --- the site -------------------------------------------------------------------------------------


def test_nothing_comes_from_a_network() -> None:
    assert CONFIG["theme"]["font"] is False and CONFIG["strict"] is True
    own = [*CONFIG["extra_css"], *CONFIG["extra"]["polyfills"], CONFIG["theme"]["logo"], CONFIG["theme"]["favicon"]]
    assert all((DOCS / path).is_file() for path in own)
    assert any("iframe-worker" in path for path in CONFIG["extra"]["polyfills"])  # or the theme takes one from a CDN


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `tox -e docs` builds it: a warning is an error."""
    pytest.importorskip("material", reason="mkdocs-material is not installed (extra `docs`)")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    to = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(to)))
    return to


def test_it_builds_without_a_warning_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html"}
    assert pages == {name.replace(".md", ".html") for name in NAV}
    for name in pages:
        html = (site / name).read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"", html)
        assert loaded and not [each for each in loaded if re.match(r"(?:https?:)?//", each)]
        assert "<!-- generated" not in html and "/srlbench/" not in "".join(re.findall(r'href="([^"]+)"', html))


@pytest.mark.slow
def test_it_is_read_from_a_disk_on_a_small_and_on_a_large_screen(site: Path) -> None:
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `browser`)")
    import os
    import shutil

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("there is no Chromium on this machine (CHROMIUM names one)")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in (360, 1280):
            page = browser.new_page(viewport={"width": width, "height": 800})
            asked: list[str] = []
            said: list[str] = []
            page.on("request", lambda request, to=asked: to.append(request.url))
            page.on("console", lambda message, to=said: to.append(message.text))
            for name in NAV:
                page.goto((site / name.replace(".md", ".html")).as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert not said and not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
        page.goto((site / "index.html").as_uri())
        page.fill("[data-md-component=search-query]", "pooler")
        page.wait_for_selector(".md-search-result__item", timeout=20_000)
        assert "faq.html" in page.inner_html(".md-search-result__list")
        browser.close()

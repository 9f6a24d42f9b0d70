"""The site: which pages there are, that their links lead somewhere, that nothing in them is more than text."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from conftest import Cli
from made_results import HOSTILE, RULES, SPOILED, every_state, hostile, record, results

import srlbench
from srlbench import registry, tracks
from srlbench.analysis import claims
from srlbench.analysis.compare import compare
from srlbench.analysis.results import Results, with_records
from srlbench.errors import SrlbenchError, UsageError
from srlbench.publish.site import build, pages
from srlbench.publish.site.contents import TrackResults, paper_page, recipe_page, slug
from srlbench.publish.site.papers import citations, of_paper
from srlbench.records import track_folder
from srlbench.records import write as write_record
from srlbench.runs import fingerprint
from srlbench.stats import label

ROOT = Path(srlbench.__file__).parent.parent
PUBLISHED = ROOT / "results"
Site = Mapping[str, bytes]


class Html(HTMLParser):
    """What a page holds: its tags with their attributes, its text, and tags left open."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        self.open += [] if tag in self.VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


def made(results: TrackResults) -> dict[str, bytes]:
    return dict(pages.files([results], results.definitions))


def html(site: Site) -> dict[str, Html]:
    return {path: Html(content) for path, content in site.items() if path.endswith(".html")}


@pytest.fixture(scope="module")
def states() -> Site:
    return made(every_state())


@pytest.fixture(scope="module")
def spoiled() -> Site:
    return made(hostile())


SHOWN = ("simcse-unsup", "simcse-sup", "bag-random-weighted", "mhe", "modified-mhe", "untrained-mean", "sif")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of some rows of the published track `small`."""
    if not PUBLISHED.is_dir():
        pytest.skip("not in a clone")
    place, rules = tmp_path_factory.mktemp("sites"), tracks.load("small")
    for kind in ("records", "predictions"):
        for name in SHOWN:
            there, here = (
                track_folder(root, rules.name, rules.version) / kind / name for root in (PUBLISHED, place / "results")
            )
            shutil.copytree(there, here)
    build.publish(place / "small", [Results(place / "results", rules)])
    site = place / "small"
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


@pytest.fixture(params=["states", "spoiled", "small"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


# --- pages and links ------------------------------------------------------------------------------


def test_every_recipe_paper_and_track_has_its_page(small: Site) -> None:
    wanted = {recipe_page(name) for name in registry.recipes()} | {paper_page(c.paper) for c in claims.claims()}
    wanted |= {"index.html", "compare.html", "methods.html", "backbones/mini.html", "backbones/static.html"}
    wanted |= {"site.css", "site.js", build.MARK}
    wanted |= {f"tracks/small/{name}" for name in ("leaderboard.html", "rules.html", "leaderboard.csv")}
    assert small.keys() == wanted


def test_links_lead_to_pages_and_places_of_the_site(site: Site) -> None:
    read = html(site)
    for path, page in read.items():
        for tag, attrs in page.tags:
            link = attrs.get("href", attrs.get("src"))
            if link is None or link.startswith(("https://arxiv.org/abs/", "data:,", "data:text/csv;base64,")):
                assert not link or tag == "a" or link == "data:,"
                continue
            target, _, place = link.partition("#")
            target, _, query = target.partition("?")
            assert not query or target.endswith("compare.html")
            assert "://" not in link and not link.startswith(("/", "javascript:")), link
            there = os.path.normpath(PurePosixPath(path).parent / target) if target else path
            assert there in site, f"{path} -> {link}"
            assert not place or place in read[there].ids(), f"{path} -> {link}"


def test_pages_are_whole(site: Site) -> None:
    for path, page in html(site).items():
        ids = page.ids()
        assert len(ids) == len(set(ids)), path
        assert not page.open, path
        tags = [tag for tag, _ in page.tags]
        assert [tags.count(tag) for tag in ("h1", "main", "title", "header", "footer")][:2] == [1, 1], path
        for _, attrs in page.tags:
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert attrs.get(name, ids[0]) in ids, (path, attrs)


def test_nothing_is_fetched_from_elsewhere(site: Site) -> None:
    assert not re.search(rb"@import|https?:|url\(", site["site.css"])
    assert not re.search(rb"https?:|fetch|XMLHttp|import\(|eval", site["site.js"])
    for path, page in html(site).items():
        scripts = [attrs for tag, attrs in page.tags if tag == "script"]
        assert [each for each in scripts if each.get("type") != "application/json"] == scripts[:1], path
        assert not [tag for tag, _ in page.tags if tag in ("iframe", "img", "object", "embed", "base", "form-action")]
        assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")], path


def test_tables_stand_without_javascript(states: Site) -> None:
    page = states["tracks/embedded/leaderboard.html"].decode()
    buttons = [attrs for tag, attrs in Html(page.encode()).tags if tag == "button"]
    assert page.count("<tr") > 15 and all("hidden" in attrs for attrs in buttons)
    shown = [attrs for _, attrs in Html(page.encode()).tags if attrs.get("id") in ("filter", "scheme")]
    assert len(shown) == 2 and all("hidden" in attrs for attrs in shown)


def test_pictures_say_what_they_are_and_use_the_colours_of_the_page(small: Site) -> None:
    board, recipe = (small[path].decode() for path in ("tracks/small/leaderboard.html", recipe_page("simcse-unsup")))
    names = ("forest", "plane", "cost", "words", "dynamics", "gradients")
    assert all(f'id="picture-{name}"' in board for name in names)
    drawn = re.findall(r"<svg.*?</svg>", board + recipe, re.DOTALL)
    assert len(drawn) >= 7
    for svg in drawn:
        assert re.match(
            r'<svg viewBox="[^"]+" role="img" aria-labelledby="([\w-]+)-title"[^>]*><title id="\1-title">\w', svg
        )
        assert "var(--ink)" in svg and "font-family" not in svg and not re.search("#0[12]0[23]0", svg)


# --- text of others -------------------------------------------------------------------------------


def test_each_picture_has_its_numbers(small: Site) -> None:
    counts: dict[str, int] = {}
    for path, page in html(small).items():
        figures = [attrs["id"] for tag, attrs in page.tags if tag == "figure"]
        links = [attrs for tag, attrs in page.tags if tag == "a" and str(attrs.get("href")).startswith("data:text/csv")]
        assert [f"picture-{str(each['download']).removesuffix('.csv')}" for each in links] == figures, path
        for each in links:
            text = base64.b64decode(str(each["href"]).partition(",")[2]).decode()
            head, *rows = csv.reader(io.StringIO(text))
            assert rows and all(len(row) == len(head) for row in rows), (path, each["download"])
            counts[str(each["download"])] = len(rows)
    assert counts["forest.csv"] >= 2 and any(name.endswith("training.csv") for name in counts)


def test_the_numbers_of_a_forest_are_those_of_the_table(states: Site) -> None:
    (link,) = [
        str(attrs["href"])
        for tag, attrs in html(states)["tracks/embedded/leaderboard.html"].tags
        if attrs.get("download") == "forest.csv"
    ]
    rows = [*csv.DictReader(io.StringIO(base64.b64decode(link.partition(",")[2]).decode()))]
    board = csv.DictReader(io.StringIO(states["tracks/embedded/leaderboard.csv"].decode()))
    means = {(row["recipe"], f"{float(row['sts_avg_mean'] or 0):.6g}") for row in board if row["state"] != "stale"}
    own = [(row["recipe"], row["mean"]) for row in rows if row["value"] == "STS avg"]
    assert own and {*own} <= means


def test_a_backbone_has_its_rows_and_its_card(small: Site) -> None:
    page = Html(small["backbones/mini.html"])
    assert "simcse-unsup" in page.text and "shipped, sha256" in page.text and "Its card" in page.text
    links = {attrs.get("href") for tag, attrs in page.tags if tag == "a"}
    assert "../recipes/simcse-unsup.html" in links and "../tracks/small/leaderboard.html" in links


def test_methods_stand_beside_their_papers(small: Site) -> None:
    page = Html(small["methods.html"])
    ids = page.ids()
    assert {f"family-{entry.family}" for entry in registry.recipes().values()} <= {*ids}
    links = [attrs.get("href") for tag, attrs in page.tags if tag == "a"]
    assert {recipe_page(name) for name in registry.recipes()} <= {*links}
    assert "76.25" in page.text and "small mini" in page.text and "Spearman" in page.text


def test_text_of_others_is_nothing_but_text(spoiled: Site, states: Site) -> None:
    for path, page in html(spoiled).items():
        kinds = {tag for tag, _ in page.tags}
        assert kinds <= {tag for each in html(states).values() for tag, _ in each.tags} | {"use"}, path
        assert b"<script>alert" not in spoiled[path] and b"<!--" not in spoiled[path].replace(b"&lt;!--", b"")
    for name in HOSTILE:
        page = Html(spoiled[recipe_page(name)])
        assert name in page.text and SPOILED in page.text
    assert "7 * 7" in Html(spoiled[recipe_page(HOSTILE[0])]).text


def chosen_from(site: Site) -> list[dict[str, Any]]:
    """What the page of comparisons has in it for the browser."""
    source = site["compare.html"].decode()
    (inside,) = re.findall(r'<script type="application/json" id="comparisons">(.*?)</script>', source, re.DOTALL)
    assert not set("<>&'") & set(inside)
    found: list[dict[str, Any]] = json.loads(inside)
    return found


def test_the_data_of_the_comparison_stay_in_their_element(spoiled: Site) -> None:
    (track,) = chosen_from(spoiled)
    assert set(track["rows"]) == {f"{name}@tiny" for name in HOSTILE}


def test_files_have_plain_names_of_their_own(spoiled: Site) -> None:
    assert all(re.fullmatch(r"[a-z0-9._+=/-]+", path) and ".." not in path.split("/") for path in spoiled)
    assert len({slug(name) for name in (*HOSTILE, "A", "a", "Ä", "ä", "")}) == len(HOSTILE) + 5


# --- what the tables say --------------------------------------------------------------------------


def rows(site: Site) -> list[str]:
    page = site["tracks/embedded/leaderboard.html"].decode()
    (table,) = re.findall(r'<table id="averages".*?</table>', page, re.DOTALL)
    return re.findall(r"<tr[ >].*?</tr>", table, re.DOTALL)[1:]


def test_states_are_told_by_words_and_signs(states: Site) -> None:
    said = {row: re.sub(r"<[^>]*>|\s+", " ", row) for row in rows(states)}
    for name, words in {
        "alone": "◔ one seed",
        "broken": "✕ failed",
        "idle": "○ not run",
        "first bbbbbb": "↺ stale",
    }.items():
        (line,) = [text for text in said.values() if re.search(rf" {name}  ", text)]
        assert words in line, line
    assert [re.match(r'<tr class="([\w-]+)"', row)[1] for row in said] == [  # type: ignore[index]
        "ranked", "ranked", "one-seed", "failed", "not-run", "stale",
    ]  # fmt: skip


def test_ranks_intervals_and_ties_are_those_of_the_leaderboard() -> None:
    runs = [record(name, seed, mean) for name, mean in (("a", 60.0), ("b", 50.0), ("c", 50.01)) for seed in range(5)]
    found = results(runs)
    site = made(found)
    assert [row.rank for row in found.board.rows] == [1, 2, 2]
    said = [re.sub(r"<[^>]*>|\s+", " ", row).split() for row in rows(site)]
    assert [line[0] for line in said] == ["1", "2", "2"]
    cell = found.board.rows[0].cells["sts_avg"]
    assert " ".join(said[0][3:7]) == str(cell)
    assert said[0][8] == "to" and float(said[0][7]) < float(said[0][3]) < float(said[0][9])


def test_a_recipe_says_how_its_row_is_made_again(states: Site) -> None:
    assert "<code>srlbench run second --track embedded --seeds 0-2</code>" in states[recipe_page("second")].decode()
    assert "Seed 0 failed: ValueError: the loss is nan" in states[recipe_page("broken")].decode()


def test_backbones_are_told_apart() -> None:
    runs = [record("mine", seed, 50.0 + seed, backbone=name) for name in ("tiny", "other") for seed in range(2)]
    site = made(results(runs))
    page = site[recipe_page("mine")].decode()
    assert "<code>srlbench run mine --track embedded --backbone other --seeds 0-1</code>" in page
    assert [page.count(f'<section id="embedded-{name}') for name in ("tiny", "other")] == [1, 1]
    board = site["tracks/embedded/leaderboard.html"].decode()
    assert ">mine@other</text>" in board and "Averages on other</h2>" in board and 'id="averages-2"' in board
    assert "○ not run: seed 2" in page


def test_comparisons_are_those_of_the_command_line(tmp_path: Path) -> None:
    """On the embedded track, whose text is generated and so always there."""
    if not PUBLISHED.is_dir():
        pytest.skip("not in a clone")
    rules, names = tracks.load("embedded"), ("simcse-sup", "modified-mhe", "mhe", "bag-random-weighted")
    for kind in ("records", "predictions"):
        for name in names:
            there, here = (
                track_folder(root, rules.name, rules.version) / kind / name for root in (PUBLISHED, tmp_path)
            )
            shutil.copytree(there, here)
    found = Results(tmp_path, rules)
    build.publish(tmp_path / "site", [found])
    site = {str(path.relative_to(tmp_path / "site")): path.read_bytes() for path in (tmp_path / "site").rglob("*.html")}
    (track,) = chosen_from(site)
    assert track["uncompared"] == "" and len(track["pairs"]) == 6
    for a, b in (("bag-random-weighted", "simcse-sup"), ("mhe", "simcse-sup"), ("mhe", "modified-mhe")):
        said = {each.name: each for each in compare(found, [a, b]).comparisons}
        (x, y) = (track["rows"].index(f"{name}@tiny") for name in (a, b))
        assert f"{y} {x}" not in track["pairs"]
        lines = {line[0]: line[1:] for line in track["pairs"][f"{x} {y}"]}
        for name in ("sts_avg", "transfer_avg"):
            each, (low, high) = said[name], said[name].interval
            assert lines[label(name)][2:4] == [f"{each.difference.value:+.2f}", f"{low:+.2f} to {high:+.2f}"]
            assert (lines[label(name)][0], lines[label(name)][-1]) == (str(each.a), each.word)
        assert len(lines) == (2 if (a, b) == ("mhe", "simcse-sup") else 16)
    page = Html(site[recipe_page("modified-mhe")]).text
    for other in ("mhe", "bag-random-weighted"):
        low, high = compare(found, ["modified-mhe", other]).interval
        assert f"{low:+.2f} to {high:+.2f}" in page


def without_predictions(tmp_path: Path, seeds: int) -> dict[str, bytes]:
    for seed in range(seeds):
        for name in ("simcse-unsup", "bag-random-weighted"):
            resolved = fingerprint.current([registry.recipe(name)], RULES)[name, "tiny"]
            write_record(tmp_path, record(name, seed, fingerprint=resolved))
    build.publish(tmp_path / "site", [Results(tmp_path, RULES)])
    return {str(path.relative_to(tmp_path / "site")): path.read_bytes() for path in (tmp_path / "site").rglob("*.html")}


def test_without_predictions_a_comparison_is_by_the_seeds_alone_and_says_so(tmp_path: Path) -> None:
    (track,) = chosen_from(without_predictions(tmp_path, 2))
    assert [lines[0][-1].endswith("(seeds alone)") for lines in track["pairs"].values()] == [True]


def test_without_predictions_and_other_seeds_there_are_no_numbers(tmp_path: Path) -> None:
    site = without_predictions(tmp_path, 1)
    (track,) = chosen_from(site)
    assert track["rows"] == [] and track["pairs"] == {}
    for path in ("compare.html", recipe_page("simcse-unsup")):
        page = Html(site[path]).text
        assert "Comparisons need the recorded predictions and the text of the tasks" in page and "--data DIR" in page
    assert "minus bag-random-weighted" not in Html(site[recipe_page("simcse-unsup")]).text


def test_the_same_records_give_the_same_bytes() -> None:
    first, other = made(every_state()), made(hostile())
    assert other and made(every_state()) == first


def test_every_citation_of_a_recipe_and_every_paper_is_known() -> None:
    assert not [e.cite for e in registry.recipes().values() if e.cite and e.cite not in citations()]
    assert all(of_paper(claim.paper) for claim in claims.claims())


# --- the folder and the verb ----------------------------------------------------------------------


def test_a_site_is_replaced_whole_and_nothing_else_is(tmp_path: Path) -> None:
    place = tmp_path / "site"
    assert build.write(place, [("index.html", b"one"), ("old.html", b"")]) == 3
    build.write(place, [("a/index.html", b"two")])
    assert {p.name for p in place.rglob("*") if p.is_file()} == {"index.html", build.MARK}

    def breaks() -> object:
        yield "index.html", b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.write(place, breaks())  # type: ignore[arg-type]
    assert (place / "a" / "index.html").read_bytes() == b"two" and list(tmp_path.iterdir()) == [place]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("")
    for kept in (mine, mine / "thesis.tex"):
        with pytest.raises(UsageError):
            build.write(kept, [])
    assert (mine / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--out", "site"], 2, "There are no records in srlbench-results"),
        (["--out", "site", "--track", "smal"], 2, "Did you mean 'small'?"),
        (["--out", "site", "--track", "paper"], 3, "There are no records of track paper"),
        (["--out", "file"], 2, "file is not a folder."),
        (["--out", "."], 2, "holds something else than a site of srlbench"),
    ],
)
def test_bad_input_is_one_sentence(here: Cli, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    (tmp_path / "file").write_text("")
    done = here("publish", *words)
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_track_with_no_readable_record_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "embedded" / f"v{tracks.load('embedded').version}" / "records").mkdir(parents=True)
    with pytest.raises(SrlbenchError, match="no records"):
        build.publish(tmp_path / "site", with_records(tmp_path))


def test_publishing_loads_no_heavy_library_and_needs_no_network(tmp_path: Path) -> None:
    for seed in range(2):
        write_record(tmp_path / "srlbench-results", record("simcse-unsup", seed))
    code = (
        "import socket, sys\nfrom srlbench import cli\n"
        "def no(*_, **__): raise AssertionError('network')\nsocket.socket.connect = no\n"
        "sys.argv = ['srlbench', 'publish', '--to', 'site']\ncli.main()\n"
    )
    code = code.replace("cli.main()", "try:\n    cli.main()\nexcept SystemExit:\n    pass")
    code += "\nheavy = {'torch', 'mteb', 'transformers', 'sentence_transformers', 'datasets'} & set(sys.modules)\n"
    code += "sys.exit(f'loaded {heavy}' if heavy else 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Wrote site/index.html" in done.stdout and (tmp_path / "site" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="not in a clone")
def test_the_published_tracks_make_a_small_site_soon(tmp_path: Path) -> None:
    start = time.process_time()  # of this process: other work on the machine is no fault of the site
    size, problems = build.publish(tmp_path / "site", with_records(PUBLISHED))
    assert time.process_time() - start < 60 and size < 8e6 and not problems  # comparisons take half of it
    assert {"embedded", "small"} <= {path.name for path in (tmp_path / "site" / "tracks").iterdir()}


@pytest.mark.slow
def test_500_records_of_a_hundred_recipes_too() -> None:
    runs = [record(f"recipe-{n}", seed, 40.0 + n / 5) for n in range(100) for seed in range(5)]
    start = time.process_time()
    site = made(results(runs))
    assert time.process_time() - start < 20 and sum(map(len, site.values())) < 8e6
    assert sum(path.startswith("recipes/") for path in site) == 100

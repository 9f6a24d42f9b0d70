"""The site: which pages there are, that their links lead somewhere, that nothing in them is more than text."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest
from conftest import Cli
from made_results import HOSTILE, SPOILED, every_state, hostile, record, results

import srlbench
from srlbench import registry, tracks
from srlbench.analysis import claims
from srlbench.analysis.results import Results, measured
from srlbench.errors import SrlbenchError, UsageError
from srlbench.publish.site import build, folder, pages
from srlbench.publish.site.citations import citations, of_paper
from srlbench.publish.site.contents import TrackResults, paper_page, recipe_page, slug
from srlbench.records import write as write_record

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


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of the published track `small`."""
    if not PUBLISHED.is_dir():
        pytest.skip("not in a clone")
    place = tmp_path_factory.mktemp("sites") / "small"
    build.publish(place, [Results(PUBLISHED, tracks.load("small"))])
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.fixture(params=["states", "spoiled", "small"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


# --- pages and links ------------------------------------------------------------------------------


def test_every_recipe_paper_and_track_has_its_page(small: Site) -> None:
    wanted = {recipe_page(name) for name in registry.recipes()} | {paper_page(c.paper) for c in claims.claims()}
    wanted |= {"index.html", "compare.html", "site.css", "site.js", folder.MARK}
    wanted |= {f"tracks/small/{name}" for name in ("leaderboard.html", "rules.html", "leaderboard.csv")}
    assert small.keys() == wanted


def test_links_lead_to_pages_and_places_of_the_site(site: Site) -> None:
    read = html(site)
    for path, page in read.items():
        for tag, attrs in page.tags:
            link = attrs.get("href", attrs.get("src"))
            if link is None or link.startswith(("https://arxiv.org/abs/", "data:,")):
                assert not link or tag == "a" or link == "data:,"
                continue
            target, _, place = link.partition("#")
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
    assert page.count("<tr") > 15 and "<button" not in page.replace('<button type="button" class="scheme"', "")
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


def test_text_of_others_is_nothing_but_text(spoiled: Site, states: Site) -> None:
    for path, page in html(spoiled).items():
        kinds = {tag for tag, _ in page.tags}
        assert kinds <= {tag for each in html(states).values() for tag, _ in each.tags} | {"use"}, path
        assert b"<script>alert" not in spoiled[path] and b"<!--" not in spoiled[path].replace(b"&lt;!--", b"")
    for name in HOSTILE:
        page = Html(spoiled[recipe_page(name)])
        assert name in page.text and SPOILED in page.text
    assert "7 * 7" in Html(spoiled[recipe_page(HOSTILE[0])]).text


def test_the_data_of_the_comparison_stay_in_their_element(spoiled: Site) -> None:
    source = spoiled["compare.html"].decode()
    (inside,) = re.findall(r'<script type="application/json" id="scores">(.*?)</script>', source, re.DOTALL)
    assert not set("<>&'") & set(inside)
    rows = json.loads(inside)["tracks"][0]["rows"]
    assert {row["name"] for row in rows} == {f"{name}@tiny" for name in HOSTILE}


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
    assert [line[0] for line in said] == ["1", "2=", "2="]
    cell = found.board.rows[0].cells["sts_avg"]
    assert " ".join(said[0][2:6]) == str(cell)
    assert "–" in said[0] and float(said[0][6]) < float(said[0][2]) < float(said[0][8])


def test_a_recipe_says_how_its_row_is_made_again(states: Site) -> None:
    assert "<code>srlbench run second --track embedded --seeds 0-2</code>" in states[recipe_page("second")].decode()
    assert "Seed 0 failed: ValueError: the loss is nan" in states[recipe_page("broken")].decode()


def test_backbones_are_told_apart() -> None:
    runs = [record("mine", seed, 50.0 + seed, backbone=name) for name in ("tiny", "other") for seed in range(2)]
    site = made(results(runs))
    page = site[recipe_page("mine")].decode()
    assert "<code>srlbench run mine --track embedded --backbone other --seeds 0-1</code>" in page
    assert [page.count(f'<section id="embedded-{name}') for name in ("tiny", "other")] == [1, 1]
    assert ">mine@other</text>" in site["tracks/embedded/leaderboard.html"].decode()
    assert "○ not run: seed 2" in page


def test_differences_are_taken_seed_by_seed() -> None:
    runs = [record("bag-random-weighted", s, 50.0) for s in range(4)]
    moved = [{task: score + 1 + seed / 10 for task, score in runs[seed].scores.items()} for seed in range(4)]
    runs += [record("mine", seed, scores=scores) for seed, scores in enumerate(moved)]
    page = Html(made(results(runs))[recipe_page("mine")]).text
    assert "minus bag-random-weighted" in page and re.search(r"\+1\.15\s+\+0\.94 to \+1\.36 \(4\)", page)


def test_the_same_records_give_the_same_bytes() -> None:
    first, other = made(every_state()), made(hostile())
    assert other and made(every_state()) == first


def test_every_citation_of_a_recipe_and_every_paper_is_known() -> None:
    assert not [e.cite for e in registry.recipes().values() if e.cite and e.cite not in citations()]
    assert all(of_paper(claim.paper) for claim in claims.claims())


# --- the folder and the verb ----------------------------------------------------------------------


def test_a_site_is_replaced_whole_and_nothing_else_is(tmp_path: Path) -> None:
    place = tmp_path / "site"
    assert folder.write(place, [("index.html", b"one"), ("old.html", b"")]) == 3
    folder.write(place, [("a/index.html", b"two")])
    assert {p.name for p in place.rglob("*") if p.is_file()} == {"index.html", folder.MARK}

    def breaks() -> object:
        yield "index.html", b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write(place, breaks())  # type: ignore[arg-type]
    assert (place / "a" / "index.html").read_bytes() == b"two" and list(tmp_path.iterdir()) == [place]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("")
    for kept in (mine, mine / "thesis.tex"):
        with pytest.raises(UsageError):
            folder.write(kept, [])
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
        build.publish(tmp_path / "site", measured(tmp_path))


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
    size, problems = build.publish(tmp_path / "site", measured(PUBLISHED))
    assert time.process_time() - start < 20 and size < 8e6 and not problems
    assert {"embedded", "small"} <= {path.name for path in (tmp_path / "site" / "tracks").iterdir()}


@pytest.mark.slow
def test_500_records_of_a_hundred_recipes_too() -> None:
    runs = [record(f"recipe-{n}", seed, 40.0 + n / 5) for n in range(100) for seed in range(5)]
    start = time.process_time()
    site = made(results(runs))
    assert time.process_time() - start < 20 and sum(map(len, site.values())) < 8e6
    assert sum(path.startswith("recipes/") for path in site) == 100

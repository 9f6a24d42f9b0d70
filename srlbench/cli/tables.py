"""The verbs that read many records: leaderboard, compare, claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench.analysis import compare as comparing
from srlbench.analysis.claims.judge import judge
from srlbench.analysis.claims.judge import write as write_claims
from srlbench.analysis.compare import agreement, differences, discrimination
from srlbench.analysis.compare import papers as beside
from srlbench.analysis.compare.paired import MARGIN
from srlbench.analysis.leaderboard.page import to_markdown
from srlbench.analysis.results import Results as FolderResults
from srlbench.analysis.results import with_records
from srlbench.cli import completion
from srlbench.cli import options as opt
from srlbench.cli.runs import table
from srlbench.cli.show import analyses, terminal
from srlbench.errors import NOTHING_COMPARABLE, OK, UsageError

BOARDS, COMPARISONS = (".csv", ".md", ".tex", ".txt", ".json"), (".md", ".tex", ".json")


@opt.app.command(rich_help_panel=opt.READ)
def leaderboard(
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    out: Annotated[list[Path] | None, opt.written(".csv, .md, .tex, .txt or .json")] = None,
    json: opt.Json = False,
) -> None:
    """Build the table of a track from its records, and show it.

    It writes leaderboard.csv and leaderboard.md beside the records too. A .txt file has the tables that SentEval and
    SimCSE print, a .tex file those of a paper.

    Examples:

    - `srlbench leaderboard`
    - `srlbench leaderboard --results results --out table.md`
    - `srlbench leaderboard --track small --results results --out table.txt --out table.tex`
    """
    there, paths = opt.of(results, track, recipes), opt.files_of(out, BOARDS)
    board = table(there, json)
    markdown = partial(to_markdown, board, there.command("leaderboard"))
    plain = partial(_text, terminal.rows(board), ensure_ascii=True)
    forms: dict[str, Callable[[], str]] = {".csv": board.to_csv, ".md": markdown, ".json": plain}
    opt.write_files(paths, {**forms, ".tex": board.to_latex, ".txt": board.to_text})


Sides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="A B",
        help=f"Two recipes (simcse-sup or simcse-sup@mini), two runs ({opt.RUN} or a record's file), two results "
        "folders, or two files of `srlbench evaluate`. One recipe alone, or all if none is named, is compared with "
        "the control of the track and with the recipe that it is a version of.",
        autocompletion=completion.rows,
    ),
]
Margin = Annotated[
    float, opt.what(min=0, metavar="POINTS", help="The difference that matters; a smaller one is of no use.")
]
OtherTrack = Annotated[
    str | None,
    opt.what("--with-track", metavar="TRACK", help="Another track: show how alike the two tracks order the recipes."),
]


@opt.app.command(rich_help_panel=opt.READ)
def compare(
    side: Sides = None,
    margin: Margin = MARGIN,
    with_track: OtherTrack = None,
    tracks: Annotated[
        bool, opt.what("--tracks", help="Show how well each track of the folder tells recipes apart.")
    ] = False,
    papers: Annotated[
        bool, opt.what("--papers", help="Show recipes beside what their papers print, and how alike the orders are.")
    ] = False,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    data: opt.Data = None,
    out: Annotated[list[Path] | None, opt.written(".md, .tex or .json")] = None,
    json: opt.Json = False,
) -> None:
    """Show how much better A is than B, with an interval that counts the chance of items and of seeds.

    Two files of `srlbench evaluate` are compared task by task, under the same protocol and probe; of one encoder
    each there is no interval.

    Examples:

    - `srlbench compare simcse-sup simcse-unsup --results results`
    - `srlbench compare simcse-sup@tiny:0 simcse-unsup@tiny:0 --results results`
    - `srlbench compare srlbench-results results`
    - `srlbench compare mine.json theirs.json`
    - `srlbench compare --with-track small --results results`
    - `srlbench compare --tracks --results results`
    - `srlbench compare --papers --results results`
    """
    opt.use(data)
    sides, paths, there = side or [], opt.files_of(out, COMPARISONS), opt.of(results, track, recipes)
    if tracks or papers:
        if tracks == papers or sides or with_track:
            raise UsageError("--tracks and --papers are about all tracks: give one of them, and name nothing else.")
        (_all_tracks if tracks else _papers)(with_records(results, tuple(recipes or ())), paths, json)
    elif with_track is not None:
        _tracks(there, opt.of(results, with_track, recipes), sides, paths, json)
    elif differences.are_scores(sides):
        _scores(sides, paths, json)
    else:
        _records(there, sides, margin, paths, json)


def _records(results: FolderResults, sides: Sequence[str], margin: float, paths: Sequence[Path], json: bool) -> None:
    compared = comparing.compare(results, sides, margin)
    page = None if sides else comparing.write(compared, results)
    terminal.as_json(compared.as_plain()) if json else analyses.compared(compared, page)
    if paths and not compared.comparisons:
        raise UsageError("Nothing could be compared, so no file was written.")
    markdown, plain = (lambda: compared.to_markdown() + "\n"), (lambda: _text(compared.as_plain()))
    opt.write_files(paths, {".md": markdown, ".tex": compared.to_latex, ".json": plain})
    raise typer.Exit(OK if compared.comparisons else NOTHING_COMPARABLE)


def _scores(sides: Sequence[str], paths: Sequence[Path], json: bool) -> None:
    pairs = differences.pairs(*map(Path, sides))
    show, markdown = partial(terminal.differences, pairs), partial(differences.to_markdown, pairs)
    _out(differences.plain(pairs), show, markdown, paths, json)


def _tracks(a: FolderResults, b: FolderResults, sides: Sequence[str], paths: Sequence[Path], json: bool) -> None:
    if sides:
        raise UsageError("--with-track compares two tracks, so name no recipe, run, folder or file with it.")
    rows = agreement.agreements(a, b)
    markdown = partial(agreement.to_markdown, rows, a.track.name, b.track.name)
    _out([*map(asdict, rows)], partial(terminal.out.print, agreement.table(rows)), markdown, paths, json)
    if not any(row.agreement for row in rows):
        raise typer.Exit(NOTHING_COMPARABLE)


def _all_tracks(results: Sequence[FolderResults], paths: Sequence[Path], json: bool) -> None:
    rows = discrimination.discriminations(results)
    show, markdown = partial(analyses.discriminations, rows), partial(discrimination.to_markdown, rows)
    _out([*map(asdict, rows)], show, markdown, paths, json)


def _papers(results: Sequence[FolderResults], paths: Sequence[Path], json: bool) -> None:
    found = beside.papers(results)
    show, markdown = partial(analyses.beside_papers, found), partial(beside.to_markdown, found)
    _out(asdict(found), show, markdown, paths, json)


def _out(plain: Any, show: Callable[[], None], markdown: Callable[[], str], paths: Sequence[Path], json: bool) -> None:
    """Show an analysis, as JSON or as tables, and write it to the files that were asked for."""
    terminal.as_json(plain) if json else show()
    opt.write_files(paths, {".md": markdown, ".json": lambda: _text(plain)})


def _text(plain: Any, ensure_ascii: bool = False) -> str:
    return dumps(plain, indent=1, ensure_ascii=ensure_ascii) + "\n"


@opt.app.command(rich_help_panel=opt.READ)
def claims(
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    json: opt.Json = False,
) -> None:
    """Judge every claim of the papers by the records, and write claims.md beside them.

    Examples:

    - `srlbench claims --results results`
    """
    there = opt.of(results, track, recipes)
    judged = judge(there)
    measured = any(finding.word != "no evidence" for one in judged.values() for _, finding in one)
    page = write_claims(judged, there) if measured else None
    terminal.as_json(analyses.plain_claims(judged)) if json else analyses.claims(judged, page)
    if not measured:
        raise typer.Exit(NOTHING_COMPARABLE)

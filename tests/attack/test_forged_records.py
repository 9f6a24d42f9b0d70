"""Records that somebody forged or damaged: each is a note or a value that is missing, and the others are shown."""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from srlbench import records, tracks
from srlbench.analysis import dynamics
from srlbench.analysis.check import check
from srlbench.analysis.claims.judge import judge
from srlbench.analysis.leaderboard import leaderboard, page
from srlbench.analysis.results import Results
from srlbench.cli.show import terminal
from srlbench.errors import SrlbenchError
from srlbench.runs.plan import Options, plan
from srlbench.runs.suite import Suite, chosen

TRACK = tracks.load("embedded")
HERE = Path(__file__).parents[2] / "results"
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 1e308, 0.5, "", "x", "\ud800", "a\nb", [], [1], {}, {"a": 1}, [[]], "9" * 5000, 2**63,
)  # fmt: skip
pytestmark = pytest.mark.skipif(not HERE.is_dir(), reason="the published records are only in a clone")


def whole() -> dict[str, Any]:
    folder = HERE / "embedded" / f"v{TRACK.version}" / "records"
    paths = [sorted((folder / name / "tiny").glob("*/seed-0.json"))[0] for name in ("simcse-unsup", "bag-random")]
    return {path.relative_to(folder).as_posix(): json.loads(path.read_bytes()) for path in paths}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def forged(record: Any, dice: random.Random) -> tuple[Any, tuple[Any, ...]]:
    """The record with one value replaced by something else, or left out."""
    record = copy.deepcopy(record)
    path = dice.choice([each for each in places(record) if len(each) <= dice.choice((1, 2, 9))])
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    if dice.random() < 0.2 and isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner[path[-1]] = dice.choice(VALUES)
    return record, path


def readers(results: Results) -> dict[str, Callable[[], Any]]:
    def board() -> None:
        made = leaderboard(results)
        made.to_csv(), page.to_markdown(made, "x"), made.to_latex(), made.to_pandas()
        terminal.Shown(file=io.StringIO(), width=80).print(terminal.board_of(made))

    suite = Suite(TRACK, chosen(["simcse-unsup", "bag-random"], False, ()))
    return {
        "leaderboard": board, "pandas": results.to_pandas, "claims": lambda: judge(results),
        "check": lambda: check(results), "plan": lambda: plan(suite, Options(results.path)),
        "dynamics": lambda: dynamics.by_recipe(results.fresh, dynamics.SPACE),
    }  # fmt: skip


CASES = [pytest.param(case, marks=() if case < 4 else pytest.mark.slow) for case in range(1000)]


@pytest.mark.parametrize("case", CASES)
def test_one_bad_record_ends_nothing(case: int, tmp_path: Path) -> None:
    dice = random.Random(case)
    for name, record in whole().items():
        bad, path = forged(record, dice)
        file = records.track_folder(tmp_path, TRACK.name, TRACK.version) / "records" / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(bad), encoding="utf-8")
    for verb, read in readers(Results(tmp_path, TRACK)).items():
        try:
            with suppress(SrlbenchError):
                read()
        except Exception as error:
            pytest.fail(f"{verb}, {path}: {type(error).__name__}: {error}")


@pytest.mark.parametrize(
    ("field", "value"),
    [("timings", {"total_s": 10**400}), ("environment", {"packages": []}), ("training", {"losses": 3}),
     ("peak_memory_mb", 10**400), ("diagnostics", {"dynamics": {}}), ("scores", {"GenSTS12": 10**400})],
)  # fmt: skip
def test_a_value_that_no_run_has_is_a_note(field: str, value: Any, tmp_path: Path) -> None:
    name, record = next(iter(whole().items()))
    file = records.track_folder(tmp_path, TRACK.name, TRACK.version) / "records" / name
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**record, field: value}), encoding="utf-8")
    found = records.scan(tmp_path, TRACK.name, TRACK.version)
    said = found.problems[0].reason
    assert not found.records and any(part in said for part in (f"'{field}", "score of", "'peak memory'"))

"""The regression check: planted falls are found, seeds alone are not, and one object says it all."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from srlbench.analysis.check.baseline import Baseline, accept, load
from srlbench.analysis.check.check import MOST, _needed, check
from srlbench.analysis.check.verdicts import Report, Verdict, to_lines, to_terminal
from srlbench.errors import UsageError
from srlbench.records import Problem, Record
from srlbench.stats import Difference, Summary

GROUPS = {
    "sts": [f"GenSTS{year}" for year in range(12, 17)] + ["GenSTSB", "GenSICK-R"],
    "transfer": ["GenMR", "GenCR", "GenSUBJ", "GenMPQA", "GenSST2", "GenTREC", "GenMRPC"],
}
TASKS = [task for tasks in GROUPS.values() for task in tasks]
NOISY = [f"recipe-{number}" for number in range(7)]
STILL = ["whitening", "untrained-cls", "untrained-mean", "untrained-first-last"]
NOW = "a" * 16
CURRENT = {(name, "tiny"): NOW for name in NOISY + STILL}


@dataclass
class World:
    """Recipes with true means and seed spreads; tasks of one seed err together, as they do in training."""

    dice: random.Random
    together: float = 0.5

    def __post_init__(self) -> None:
        self.mean = {name: [self.dice.uniform(40, 70) for _ in TASKS] for name in NOISY + STILL}
        self.sd = {name: [self.dice.uniform(0.3, 1.2) for _ in TASKS] for name in NOISY}

    def runs(self, n: int, names: list[str] = NOISY + STILL, **changes: Any) -> list[Record]:
        return [self.run(name, seed, **changes) for name in names for seed in range(n)]

    def run(self, name: str, seed: int, shift: float = 0.0, **changes: Any) -> Record:
        shared = self.dice.gauss(0, 1) * self.together**0.5
        own = (1 - self.together) ** 0.5
        spread = self.sd.get(name, [0.0] * len(TASKS))
        scores = {
            task: mean + shift + sd * (shared + own * self.dice.gauss(0, 1))
            for task, mean, sd in zip(TASKS, self.mean[name], spread, strict=True)
        }
        content: dict[str, Any] = {
            "status": "ok", "track": "embedded", "track_version": 1, "protocol": "simcse", "recipe": name,
            "backbone": "tiny", "seed": seed, "fingerprint": NOW, "scores": scores,
        }  # fmt: skip
        return Record(**(content | changes))

    def baseline(self, tmp_path: Path, n: int = 3) -> Baseline:
        return saved(tmp_path, accept(self.runs(n), CURRENT, GROUPS, reason="first", date="2026-01-02"))


def saved(tmp_path: Path, text: str) -> Baseline:
    path = tmp_path / "baseline.toml"
    path.write_text(text)
    return load(path)


def checked(records: list[Record], baseline: Baseline, *problems: Problem, **current: Any) -> Report:
    return check(records, problems, baseline, current.get("current", CURRENT), GROUPS)


def verdict(report: Report, name: str) -> Verdict:
    return next(verdict for verdict in report.verdicts if verdict.recipe == name)


@pytest.fixture
def world() -> World:
    return World(random.Random(7))


# --- what must and must not be found -------------------------------------------------------------


def test_a_planted_fall_is_found_and_named(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    records = world.runs(3, NOISY[1:] + STILL) + world.runs(3, NOISY[:1], shift=-4.0)
    report = checked(records, baseline)
    assert report.exit_code == 1
    assert [v.recipe for v in report.verdicts if v.word == "regressed"] == ["recipe-0"]
    names = [change.name for change in verdict(report, "recipe-0").evidence if change.word == "regressed"]
    assert "sts_avg" in names and set(names) <= {"sts_avg", "transfer_avg", *TASKS}
    lines = to_lines(report)
    assert lines[0].startswith("regressed       recipe-0@tiny") and "fell: STS avg" in lines[0]
    assert any(line.startswith("    regressed    STS avg") and "margin 0.5" in line for line in lines)
    assert lines[-1] == "1 regressed, 10 ok (exit 1)"
    assert to_terminal(report).plain == "\n".join(lines)


def test_seeds_alone_raise_no_alarm(tmp_path: Path) -> None:
    """At most 1% of whole checks: 200 fresh worlds with three and five seeds allow a few by chance."""
    alarms = inconclusive = 0
    for turn in range(200):
        world = World(random.Random(turn), together=(0.0, 0.5)[turn % 2])
        report = checked(world.runs(3), world.baseline(tmp_path, n=(3, 5)[turn // 2 % 2]))
        words = {v.word for v in report.verdicts}
        alarms += bool(words & {"regressed", "better"})
        inconclusive += "inconclusive" in words
    assert alarms <= 5  # at a true rate of 1% more than five happen once in 60 tries
    assert inconclusive <= 30


def test_planted_falls_are_found_nearly_always(tmp_path: Path) -> None:
    found = 0
    for turn in range(40):
        world = World(random.Random(turn))
        baseline = world.baseline(tmp_path)
        report = checked(world.runs(3, NOISY[1:]) + world.runs(3, NOISY[:1], shift=-4.0), baseline)
        found += verdict(report, "recipe-0").word == "regressed"
    assert found >= 38


def test_a_rise_is_better_and_passes(world: World, tmp_path: Path) -> None:
    report = checked(world.runs(3, NOISY[:1], shift=5.0), world.baseline(tmp_path))
    assert verdict(report, "recipe-0").word == "better" and report.exit_code == 0
    assert "accept a new baseline" in verdict(report, "recipe-0").reason


def test_a_recipe_without_noise_is_held_to_the_margin(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    for shift, word, said in (
        (0.0, "ok", "to the last digit written"),
        (-0.3, "ok", "though not bit-equal; largest change"),
        (-0.6, "regressed", "fell: STS avg, transfer avg"),
        (0.6, "better", "rose: STS avg"),
    ):
        for seeds in (1, 3):  # one seed tells as much as three
            found = verdict(checked(world.runs(seeds, ["whitening"], shift=shift), baseline), "whitening")
            assert (found.word, said in found.reason) == (word, True), (shift, found)


def test_certain_but_small_is_ok(tmp_path: Path) -> None:
    world = World(random.Random(1))
    world.sd = {name: [0.02] * len(TASKS) for name in NOISY}
    report = checked(world.runs(5, shift=-0.4), world.baseline(tmp_path, n=5))
    assert {v.word for v in report.verdicts} == {"ok"}


def test_a_big_fall_that_is_not_proven_is_inconclusive(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    one = checked(world.runs(1, NOISY[:1], shift=-8.0), baseline)
    assert verdict(one, "recipe-0").word == "inconclusive" and one.exit_code == 0
    assert "1 seed cannot tell" in verdict(one, "recipe-0").reason
    wide = World(random.Random(2))
    wide.sd = {name: [6.0] * len(TASKS) for name in NOISY}
    wide.together = 1.0
    expected = wide.baseline(tmp_path)
    records = wide.runs(3, NOISY[:1])
    drop = expected.entries["recipe-0", "tiny"].cells["sts_avg"].summary.mean - 5
    level = sum(sum(r.scores[t] for t in GROUPS["sts"]) / 7 for r in records) / 3
    for record in records:
        record.scores.update({task: score + drop - level for task, score in record.scores.items()})
    report = checked(records, expected)
    assert verdict(report, "recipe-0").word == "inconclusive" and report.exit_code == 0
    assert "inconclusive" in to_lines(report)[0]
    # A strict check fails where the fall is larger than it allows, and says which recipe it was.
    for strict, code in ((4.0, 1), (60.0, 0)):
        same = replace(report, strict=strict)
        assert (same.exit_code, bool(same.suspected)) == (code, code == 1)
        assert ("more than 4 points down: recipe-0@tiny" in to_lines(same)[-1]) == (code == 1)


def test_it_says_how_many_seeds_would_decide(tmp_path: Path) -> None:
    """The least number of seeds on both sides at which a fall of this size has the p that the check asks for."""
    sd, n = 2.0, 4
    difference = Difference(-5.0, sd * (2 / n) ** 0.5, 2 * n - 2)
    summary = Summary(0.0, sd, n)
    needed = _needed(difference, summary, summary, 0.001)
    assert needed and n < needed < MOST
    assert Difference(-5.0, sd * (2 / needed) ** 0.5, 2 * needed - 2).p < 0.001
    assert Difference(-5.0, sd * (2 / (needed - 1)) ** 0.5, 2 * needed - 4).p >= 0.001
    assert _needed(replace(difference, value=-0.01), summary, summary, 0.001) is None
    world = World(random.Random(2), together=1.0)
    world.sd = {name: [6.0] * len(TASKS) for name in NOISY}
    baseline = world.baseline(tmp_path)
    few = [verdict(checked(world.runs(3, NOISY[:1], shift=-9), baseline), "recipe-0").reason for _ in range(10)]
    told = [found for reason in few if (found := re.search(r"\((?:more than )?(\d+) (on both sides )?would\)", reason))]
    assert told and all(3 < int(each[1]) <= MOST for each in told)


# --- what cannot be compared ---------------------------------------------------------------------


def test_a_failed_or_unreadable_run_fails_the_check(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    error = {"type": "ValueError", "message": "the loss is nan at step 12"}
    records = world.runs(3)[:-1]
    records.append(world.run(STILL[-1], 2, status="failed", scores={}, error=error))
    report = checked(records, baseline)
    assert report.exit_code == 3
    assert verdict(report, STILL[-1]).reason == "seed 2 failed (ValueError: the loss is nan at step 12)"
    key = records[0].key
    problem = Problem(Path("r/seed-0.json"), "not valid JSON", key)
    report = checked(world.runs(3), baseline, problem)
    assert report.exit_code == 3 and "seed 0 is unreadable" in verdict(report, key.recipe).reason


def test_failed_comes_before_regressed(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    error = {"type": "E", "message": "m"}
    records = world.runs(3, NOISY[:1], shift=-6.0)
    records.append(world.run("whitening", 0, status="failed", scores={}, error=error))
    report = checked(records, baseline)
    assert {"failed", "regressed"} <= {v.word for v in report.verdicts} and report.exit_code == 3


def test_foreign_and_stale_files_are_only_noted(world: World, tmp_path: Path) -> None:
    stale = world.run("recipe-0", 0, fingerprint="b" * 16).key
    problems = [Problem(Path("notes.txt"), "not valid JSON"), Problem(Path("old.json"), "empty", stale)]
    report = checked(world.runs(3), world.baseline(tmp_path), *problems)
    assert report.exit_code == 0 and len(report.notes) == 2
    assert "note: notes.txt: not valid JSON." in to_lines(report)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fingerprint": "b" * 16}, "only stale records exist"),
        ({"protocol": "mteb"}, "records of embedded v1 mteb, baseline of embedded v1 simcse"),
        ({"track_version": 2}, "records of embedded v2 simcse"),
        ({"scores": {"GenMR": 1.0}}, "other tasks than the baseline's (GenCR"),
    ],
)
def test_what_differs_in_kind_is_not_comparable(
    world: World, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    report = checked(world.runs(3, **changes), world.baseline(tmp_path))
    assert {v.word for v in report.verdicts} == {"not comparable"} and report.exit_code == 4
    assert all(said in v.reason for v in report.verdicts)


def test_a_seed_that_lacks_tasks_is_not_comparable(world: World, tmp_path: Path) -> None:
    records = world.runs(3, NOISY[:1])
    del records[0].scores["GenMR"]
    assert "some seeds lack tasks" in verdict(checked(records, world.baseline(tmp_path)), "recipe-0").reason


def test_nothing_run_new_recipes_and_gone_ones(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    nothing = checked([], baseline)
    assert nothing.exit_code == 4 and {v.reason for v in nothing.verdicts} == {"not run"}
    current = {pair: NOW for pair in CURRENT if pair[0] != "whitening"} | {("new", "tiny"): NOW}
    world.mean["new"] = world.mean["recipe-0"]
    report = checked(world.runs(3, [*NOISY, "new"]), baseline, current=current)
    assert report.exit_code == 0
    assert verdict(report, "whitening").reason == "no longer registered"
    assert verdict(report, "new").reason == "not in the baseline; accept one to have it checked"
    assert checked([], Baseline("embedded", 1, "simcse", "", "", {})).exit_code == 4


def test_a_changed_fingerprint_is_compared_and_said(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path)
    current = dict.fromkeys(CURRENT, "c" * 16)
    report = checked(world.runs(3, fingerprint="c" * 16), baseline, current=current)
    assert report.exit_code == 0
    assert all("changed since the baseline" in v.reason for v in report.verdicts)


# --- the baseline file ---------------------------------------------------------------------------


def test_a_baseline_comes_back_and_is_the_same_for_the_same_numbers(world: World, tmp_path: Path) -> None:
    records = world.runs(3)
    reason = 'a "quoted" reason\nwith – signs \\ and \x7f'
    text = accept(records, CURRENT, GROUPS, reason=reason, date="2026-01-02")
    assert text == accept(records[::-1], CURRENT, GROUPS, reason=reason, date="2026-01-02")
    baseline = saved(tmp_path, text)
    assert (baseline.reason, baseline.accepted, baseline.track) == (reason, "2026-01-02", "embedded")
    cells = baseline.entries["recipe-0", "tiny"].cells
    assert list(cells)[:2] == ["sts_avg", "transfer_avg"] and len(cells) == 16
    assert cells["sts_avg"].margin == 0.5 and cells["GenMR"].margin == 1.5
    report = checked(records, baseline)
    assert {v.reason for v in report.verdicts} == {"every value as expected, to the last digit written"}


def test_accepting_part_keeps_the_rest_and_edited_margins(world: World, tmp_path: Path) -> None:
    text = accept(world.runs(3), CURRENT, GROUPS, reason="first", date="2026-01-02")
    head, _, tail = text.partition('[recipe."recipe-0@tiny"]')
    edited = saved(tmp_path, head + '[recipe."recipe-0@tiny"]' + tail.replace("margin = 0.5", "margin = 0.75", 1))
    current = {pair: NOW for pair in CURRENT if pair[0] != "whitening"}
    again = accept(world.runs(4, NOISY[:1]), current, GROUPS, reason="more", date="2026-02-03", previous=edited)
    new = saved(tmp_path, again)
    entry = new.entries["recipe-0", "tiny"].cells["sts_avg"]
    assert (entry.margin, entry.summary.n) == (0.75, 4)
    assert new.entries["recipe-1", "tiny"] == edited.entries["recipe-1", "tiny"]
    assert ("whitening", "tiny") not in new.entries


def test_nothing_incomplete_is_accepted(world: World) -> None:
    error = {"type": "E", "message": "m"}
    lacking = world.run("recipe-0", 1)
    del lacking.scores["GenMR"]
    for records, reason, said in (
        ([], "x", "Nothing to accept"),
        (world.runs(3, fingerprint="b" * 16), "x", "Nothing to accept"),
        (world.runs(3), "  ", "needs a reason"),
        ([world.run("recipe-0", 1, status="failed", scores={}, error=error)], "x", "seed 1 failed"),
        ([lacking], "x", "seed 1 has no"),
        (
            [world.run("recipe-0", 0), world.run("recipe-1", 0, protocol="mteb")],
            "x",
            "One baseline cannot hold",
        ),
    ):
        with pytest.raises(UsageError, match=said):
            accept(records, CURRENT, GROUPS, reason=reason, date="2026-01-02")


HEAD = 'track = "t"\nversion = 1\nprotocol = "p"\naccepted = "d"\nreason = "r"\n'
ENTRY = '[recipe."a@tiny"]\nfingerprint = "x"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("track = ", "not valid TOML"),
        ("", "its head has no 'track'"),
        (HEAD.replace("1", '"1"'), "'version' of its head is '1'"),
        (HEAD + '[recipe."a"]\n', "'a' is not recipe@backbone"),
        (HEAD + '[recipe."a@tiny"]\n', "a@tiny has no 'fingerprint'"),
        (HEAD + ENTRY + "GenMR = 3\n", "GenMR of a@tiny is not a table"),
        (HEAD + ENTRY + "GenMR = { mean = 3, sd = 1 }\n", "GenMR of a@tiny has no 'n'"),
        (
            HEAD + ENTRY + "GenMR = { mean = nan, sd = 1, n = 3, margin = 1 }\n",
            "'mean' of GenMR of a@tiny is nan",
        ),
        (HEAD + ENTRY + "GenMR = { mean = 3, sd = -1, n = 3, margin = 1 }\n", "cannot be"),
        (HEAD + ENTRY + "GenMR = { mean = 3, n = 3, margin = 1 }\n", "has no 'sd'"),
        (HEAD + ENTRY + "GenMR = { mean = 3, sd = 1, n = 3, marign = 1 }\n", "unknown 'marign'"),
    ],
)
def test_a_broken_baseline_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        saved(tmp_path, text)
    assert said in str(caught.value) and str(tmp_path / "baseline.toml") in str(caught.value)


def test_no_baseline_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="srlbench check --accept"):
        load(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="Is a directory"):
        load(tmp_path)


def test_one_seed_a_recipe_makes_a_baseline_too(world: World, tmp_path: Path) -> None:
    baseline = world.baseline(tmp_path, n=1)
    report = checked(world.runs(3), baseline)
    assert {v.word for v in report.verdicts} <= {"ok", "inconclusive"}
